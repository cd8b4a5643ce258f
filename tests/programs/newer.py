"""A worker of a newer Notifier, as one that this tree cannot know: it writes payloads of version 999 and reads ours too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifier.model.email import Email
from notifier.tasks import presence
from worker import app

__all__ = ["app"]

presence.VERSION = "999.0"
read_first = Email.from_payload


def from_payload(payload: Mapping[str, Any]) -> Email:
    if payload.get("v") != 999:
        return read_first(payload)
    return read_first({**{key: value for key, value in payload.items() if key != "new"}, "v": 1})


Email.from_payload = staticmethod(from_payload)
