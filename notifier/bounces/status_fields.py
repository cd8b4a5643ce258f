"""``message/delivery-status`` (RFC 3464 section 2) and its form in UTF-8 (RFC 6533 section 4), as strict servers and lax ones write it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from notifier.bounces.addresses import typed
from notifier.bounces.causes import plain, status_of
from notifier.bounces.parts import Fields, Part, fields_of
from notifier.bounces.report import Action, Told

MOST_RECIPIENTS = 100
_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ALSO_FAILED = frozenset({"failure", "fail", "error"})  # as some servers call it
_BEGINS = ("final-recipient:", "original-recipient:")


def is_status(part: Part) -> bool:
    """True for a part that holds the fields."""
    return part.content_type in _TYPES


def names_somebody(text: str) -> bool:
    """False for one that has lost its fields on the way."""
    return "-recipient:" in text.lower()


def told_by(text: str) -> list[Told]:
    """What is said of each recipient."""
    found = (_recipient(fields) for fields in islice(_blocks(text), MOST_RECIPIENTS))
    return [one for one in found if one is not None]


def envelope_ids(text: str) -> tuple[str, ...]:
    """ENVID as the server gives it back."""
    return tuple(fields_of(text.partition("\n\n")[0]).get("original-envelope-id", ()))[:1]


def _blocks(text: str) -> Iterator[Fields]:
    """A block for each recipient, though the blank line between them be missing."""
    for block in text.split("\n\n"):
        lines: list[str] = []
        seen: set[str] = set()
        for line in block.split("\n"):
            name = line.lower().partition(":")[0] + ":"
            if name in _BEGINS and name in seen:
                yield fields_of("\n".join(lines))
                lines, seen = [], set()
            seen.add(name)
            lines.append(line)
        yield fields_of("\n".join(lines))


def _recipient(fields: Fields) -> Told | None:
    names = ("original-recipient", "x-actual-recipient", "final-recipient")
    addresses = tuple(
        dict.fromkeys(one for name in names for value in fields.get(name, ())[:1] for one in typed(value))
    )
    if not addresses:
        return None
    words = " ".join(fields.get("diagnostic-code", ()))
    status = status_of(" ".join(fields.get("status", ())), words)
    action = _action(" ".join(fields.get("action", ())), status)
    if action is None:
        return None
    return Told(addresses, action, status, plain(words), typed(next(iter(fields.get("final-recipient", ())), "")))


def _action(text: str, status: str) -> Action | None:
    """Where it is missing, the status says it (Exchange 5.5 and others of its time); a word that nobody knows says nothing."""
    word = text.split("(", maxsplit=1)[0].strip().lower()
    if word in tuple(Action):
        return Action(word)
    if word in _ALSO_FAILED:
        return Action.FAILED
    if word:
        return None
    return {"5": Action.FAILED, "4": Action.DELAYED, "2": Action.DELIVERED}.get(status[:1])
