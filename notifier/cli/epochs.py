"""What has happened to the store, in words: a wiped or restored one explains mails that are missing or parked."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from notifier.store.base import EpochChange, Store

RECENT = 24 * 3600.0  # seconds that a change is a fault for `notifier check`


def told(change: EpochChange) -> str:
    """One line."""
    moment = datetime.fromtimestamp(change.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{change.why} before {moment}: epoch {change.was[:8]} became {change.mark[:8]}"


def recent(store: Store) -> list[EpochChange]:
    """The changes of the last day."""
    return [change for change in store.epoch_changes() if time.time() - change.at < RECENT]
