"""From the octets of a message to a `Report`. Whatever the octets are, it raises nothing, and takes time in proportion to them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from notifier.bounces import feedback, prose, status_fields
from notifier.bounces.parts import MOST, Fields, Part, parts_of, returned_by
from notifier.bounces.report import Kind, Report, Told

MOST_NAMES = 20  # tokens, and ids, that are looked at
_IN_PATH = re.compile(r"\+([a-z2-7]{42})@", re.IGNORECASE)
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ENVELOPE_ID = re.compile(rf"({_ID})(\.[a-z2-7]{{16}})?\Z", re.IGNORECASE)
_MESSAGE_ID = re.compile(rf"<?({_ID})@", re.IGNORECASE)
# Where a server writes whom it has delivered the report to: the reverse-path of our mail.
_TO = ("x-original-to", "delivered-to", "envelope-to", "x-envelope-to", "to")
_AUTOMATIC = ("x-autoreply", "x-autorespond", "x-vacation", "x-auto-response-suppress")


def read_report(octets: bytes, *, to: str = "") -> Report:
    """What the message says. ``to``: the envelope's recipient, where the way in knows it."""
    parts = parts_of(octets)
    message, text = parts[0], _text(parts)
    said, behind = prose.divided(text)
    returned = next((found for part in parts[1:] if (found := returned_by(part)) is not None), behind)
    kind, recipients = _told(parts, said, returned)
    return Report(
        kind=kind,
        recipients=tuple(recipients),
        tokens=_tokens([to, *_addressed(message), *_named(parts, returned)]),
        mail_ids=_mail_ids(parts, returned),
        digest=_digest(message, octets),
    )


def _told(parts: Sequence[Part], said: str, returned: Fields) -> tuple[Kind, list[Told]]:
    for part in parts:
        if feedback.is_feedback(part):
            return feedback.kind_of(part), feedback.complaints(part, returned)
    statuses = [part.text for part in parts if status_fields.is_status(part)]
    if any(map(status_fields.names_somebody, statuses)):
        told = [one for text in statuses for one in status_fields.told_by(text)]
        return Kind.DELIVERY, told[: status_fields.MOST_RECIPIENTS]
    message = parts[0]
    if not prose.is_bounce(message):
        return (Kind.AUTO_REPLY if _is_automatic(message) else Kind.OTHER), []
    # The fields may stand in the midst of the text, where a gateway has made one text of all parts.
    found = status_fields.told_by(said) if "\nfinal-recipient:" in said.lower() else prose.told_by(message, said)
    if message.first("auto-submitted") and not prose.says_why(message, found):
        return Kind.AUTO_REPLY, []
    return Kind.DELIVERY, found


def _is_automatic(message: Part) -> bool:
    """RFC 3834 section 5, and what was there before it."""
    submitted = message.first("auto-submitted").partition(";")[0].strip().lower()
    precedence = message.first("precedence").strip().lower()
    return (
        submitted not in ("", "no")
        or message.content_type == "multipart/report"  # a receipt (RFC 8098), or one of those about TLS
        or precedence in ("auto_reply", "bulk", "junk", "list")
        or any(message.first(name) for name in _AUTOMATIC)
    )


def _text(parts: Sequence[Part]) -> str:
    """What is for people: the first text; of a message without one all that there is."""
    return next((part.text for part in parts if part.content_type == "text/plain"), parts[0].text)


def _addressed(message: Part) -> Iterator[str]:
    for name in _TO:
        yield from message.fields.get(name, ())[:5]


def _named(parts: Sequence[Part], returned: Fields) -> Iterator[str]:
    for part in parts:
        if status_fields.is_status(part):
            yield from status_fields.envelope_ids(part.text)
        elif feedback.is_feedback(part):
            yield from feedback.named_in(part)
    yield from returned.get("return-path", ())[:3]
    yield from returned.get("x-envelope-from", ())[:3]


def _tokens(texts: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(token.lower() for token in _IN_PATH.findall(text[:2000])))
        envelope_id = _ENVELOPE_ID.match(text.strip().lower())
        if envelope_id is not None and envelope_id[2]:
            found[envelope_id[0]] = None
    return tuple(found)[:MOST_NAMES]


def _mail_ids(parts: Sequence[Part], returned: Fields) -> tuple[str, ...]:
    """By an ENVID without a signature, or by the Message-ID of what is returned."""
    named = [
        value for part in parts if status_fields.is_status(part) for value in status_fields.envelope_ids(part.text)
    ]
    ids = [found[1] for value in named if (found := _ENVELOPE_ID.match(value.strip().lower())) is not None]
    ids += [
        found[1] for value in returned.get("message-id", ()) if (found := _MESSAGE_ID.match(value.lower())) is not None
    ]
    return tuple(dict.fromkeys(ids))[:MOST_NAMES]


def _digest(message: Part, octets: bytes) -> str:
    """Of its Message-ID, for a second delivery adds trace fields; of all of it where it has none."""
    named = message.first("message-id").encode("utf-8", "surrogatepass") or octets[:MOST]
    return hashlib.sha256(named).hexdigest()[:32]
