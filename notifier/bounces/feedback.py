"""Abuse Reporting Format (RFC 5965): a recipient's provider says what he has done with a mail."""

from __future__ import annotations

from notifier.bounces.addresses import addresses_in
from notifier.bounces.parts import Fields, Part, fields_of
from notifier.bounces.report import Action, Kind, Told

# RFC 5965 section 7.3. The others (virus, other, RFC 6430's not-spam, RFC 6591's auth-failure) say nothing of a recipient's wish.
_KINDS = {"abuse": Kind.ABUSE, "fraud": Kind.ABUSE, "opt-out": Kind.OPT_OUT, "opt-out-list": Kind.OPT_OUT}
_RECIPIENTS = ("original-rcpt-to", "removal-recipient")
# Where the report leaves the recipient out, the message that it returns may still name him.
_IN_MESSAGE = ("x-hmxmroriginalrecipient", "delivered-to", "x-original-to", "envelope-to")
MOST_RECIPIENTS = 20


def is_feedback(part: Part) -> bool:
    """True for a part that holds the fields."""
    return part.content_type == "message/feedback-report"


def kind_of(part: Part) -> Kind:
    """What was done."""
    return _KINDS.get(_fields(part).get("feedback-type", [""])[0].strip().lower(), Kind.FEEDBACK)


def complaints(part: Part, returned: Fields) -> list[Told]:
    """Who has done it; nobody where providers keep that to themselves."""
    fields = _fields(part)
    values = [value for name in _RECIPIENTS for value in fields.get(name, ())]
    values += [value for name in _IN_MESSAGE for value in returned.get(name, ())]
    found = dict.fromkeys(address for value in values[:MOST_RECIPIENTS] for address in addresses_in(value))
    return [Told((address,), Action.DELIVERED) for address in list(found)[:MOST_RECIPIENTS]]


def named_in(part: Part) -> list[str]:
    """Where a token may stand."""
    fields = _fields(part)
    return [value for name in ("original-mail-from", "original-envelope-id") for value in fields.get(name, ())[:3]]


def _fields(part: Part) -> Fields:
    return fields_of(part.text.replace("\n\n", "\n"))
