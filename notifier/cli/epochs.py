"""What has happened to the store, in words: a wiped or restored one explains mails that are missing or parked."""

from __future__ import annotations

from datetime import UTC, datetime

from notifier.store.base import EpochChange


def told(change: EpochChange) -> str:
    """One line."""
    moment = datetime.fromtimestamp(change.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{change.why} before {moment}: epoch {change.was[:8]} became {change.mark[:8]}"
