"""What is left of a mail that has ended: one JSON array, as ``lua/prelude.lua`` writes it (`LEFT`, `ROW`).

Its places have no names, and what is nought, or not known, at its end is left out: a million mails end in a day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.store.base import MailStatus

LEFT = (
    "state",
    "settled",
    "body",
    "created",
    "template",
    "class",
    "recipients",
    "history",
    "attempt",
    "crashes",
    "unknowns",
    "setbacks",
    "blobs",
)
ROW = ("at", "state", "attempt", "reply", "relay", "why", "fault", "report")


def status_of_ended(queue: str, mail_id: str, text: bytes) -> MailStatus:
    """The status in what is left."""
    left = _named(LEFT, json.loads(text))
    return MailStatus(
        mail_id=mail_id,
        state=MailState(left["state"]),
        queue=queue,
        template=left["template"],
        mail_class=left["class"],
        recipients={path: RecipientState(state) for path, state in left["recipients"].items()},
        created_at=left["created"] / 1000,
        due_at=None,
        attempt=left.get("attempt", 0),
        crashes=left.get("crashes", 0),
        unknowns=left.get("unknowns", 0),
        setbacks=left.get("setbacks", 0),
        history=tuple(_history(left["history"])),
    )


def recipients_of(text: bytes) -> Sequence[str]:
    """The forward-paths in what is left."""
    return list(_named(LEFT, json.loads(text))["recipients"])


def _history(rows: Sequence[Sequence[Any]]) -> Iterator[Mapping[str, Any]]:
    for row in rows:  # none are an empty object: Lua has no other word for an empty array
        entry = _named(ROW, row)
        # A table of Lua's has no order of keys either.
        yield {name: entry[name] for name in ROW if name in entry}


def _named(names: Sequence[str], array: Sequence[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip_longest(names, array) if value is not None and value is not False}
