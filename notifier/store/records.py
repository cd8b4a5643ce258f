"""How a mail is written for the scripts and read from their answers. Times in the store are whole milliseconds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from notifier.errors import StoreError
from notifier.model.address import Address
from notifier.model.email import Email, UnknownPayloadVersion
from notifier.model.mail_class import Delivery, MailClass
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.model.tenant import DEFAULT
from notifier.store.base import Claim, MailStatus, Settlement
from notifier.store.evidence import Evidence
from notifier.store.rows import Row

LATE = "its worker read the final reply while the ledger was away"
GIVEN_BACK = "its worker gave it back unsent while the ledger was away"
Arguments = tuple[str | bytes | int, ...]

# What people may see of a record: never the payload, whose context may hold reset links and codes.
_FIELDS = ("state", "template", "class", "recipients", "created", "due")
_COUNTERS = ("attempt", "crashes", "unknowns", "setbacks")  # one that is not there is nought
STATUS_FIELDS = (*_FIELDS, *_COUNTERS, "tenant")  # the default one is not there either


class UnreadableRecord(ValueError):
    """What is in the store is no mail; the text says why and shows nothing of the content."""


def ms(seconds: float) -> int:
    """Whole milliseconds."""
    return round(seconds * 1000)


def _ms_or_empty(seconds: float | None) -> int | str:
    return "" if seconds is None else ms(seconds)


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def paths_of(email: Email) -> list[str]:
    """Its forward-paths."""
    return [address.forward_path for address in email.recipients]


def written(payload: Mapping[str, Any]) -> str:
    """A mail's payload as the record holds it."""
    return _json(payload)


def payload_of(email: Email) -> str:
    """The same of a mail, as the record holds it."""
    return written(email.to_payload())


def record_of(email: Email, payload: bytes, body_hash: str, payload_in: str) -> Arguments:
    """The arguments of ``add.lua`` that are the mail's own. ``payload_in``: the blob that ``payload`` refers to, or nothing."""
    return (
        email.id,
        payload,
        body_hash,
        _all_pending(paths_of(email)),
        _ms_or_empty(email.send_at),
        _ms_or_empty(email.expires_at),
        " ".join(dict.fromkeys(ref.blob for ref in email.attachments)),
        own_blobs(email, payload_in),
        email.trace,
    )


def _all_pending(paths: Sequence[str]) -> str:
    return "{" + ",".join([f'{_json(path)}:"{RecipientState.PENDING.value}"' for path in paths]) + "}"


def policy_of(email: Email, mail_class: MailClass) -> Arguments:
    """The arguments of ``add.lua`` that are the same for all mails of its template, class and tenant. They are frozen at enqueue."""
    return (
        email.template,
        mail_class.name,
        mail_class.delivery,
        ms(mail_class.deadline),
        _ms_or_empty(mail_class.resend_after),
        _ms_or_empty(mail_class.retention),
        *_evidence_policy(mail_class),
        "" if email.tenant == DEFAULT else email.tenant,
    )


def own_blobs(email: Email, payload_in: str) -> str:
    """The blobs that hold what the mail says, with blanks between: they are released with its payload, when it has ended."""
    return " ".join(filter(None, (payload_in, email.message.blob if email.message else "")))


def _evidence_policy(mail_class: MailClass) -> tuple[int | str, str]:
    if mail_class.delivery is not Delivery.EVIDENCE_FIRST:
        return "", ""
    return ms(mail_class.evidence_for), mail_class.then


def readdressed(payload: str, recipients: str, readdress: Mapping[str, Address]) -> tuple[str, Email, str]:
    """What was there, the mail with another address for some forward-paths, and its recipients. Raises `StoreError`."""
    states: dict[str, str] = json.loads(recipients)
    for path, new in readdress.items():
        if path not in states:
            raise StoreError(f"{path} is no recipient of the mail; there are {', '.join(states)}")
        if states[path] == RecipientState.ACCEPTED:
            raise StoreError(f"{path} has accepted the mail, and is not mailed again under another address")
        if states.get(new.forward_path) == RecipientState.ACCEPTED:
            raise StoreError(f"{new.forward_path} has accepted the mail, and is not mailed again in place of {path}")
    email = Email.from_payload(json.loads(payload))

    def again(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        return tuple(readdress.get(one.forward_path, one) for one in addresses)

    email = replace(email, to=again(email.to), cc=again(email.cc), bcc=again(email.bcc))
    after = {
        readdress[path].forward_path if path in readdress else path: RecipientState.PENDING
        if path in readdress
        else state
        for path, state in states.items()
    }
    return recipients, email, _json(after)


def edge_of(one: Settlement, *, composed: bytes, composed_in: str = "") -> Arguments:
    """The arguments of ``settle.lua`` that are the mail's own; ``composed`` as the record keeps it, in a blob or itself."""
    known = {
        "fault": one.fault.to_dict() if one.fault else None,
        "reply": one.reply,
        "relay": one.relay,
        "transcript": one.transcript or None,
    }
    return (
        one.claim.mail_id,
        one.claim.fence,
        one.state,
        ms(one.due_in),
        _json(dict(one.recipients)),
        one.spent,
        _json({name: value for name, value in known.items() if value is not None}),
        composed,
        one.held_by or "",
        composed_in,
        one.claim.owner,
    )


def evidence_of(one: Evidence) -> Arguments:
    """The arguments of ``evidence.lua`` that describe the edge."""
    known = {"fault": one.fault.to_dict() if one.fault else None, "reply": one.reply, "relay": one.relay}
    return (
        one.mail_id,
        one.fence,
        one.state,
        ms(one.due_at),
        _json(dict(one.recipients)),
        one.spent,
        _json(
            {
                "why": LATE if one.recipients else GIVEN_BACK,
                **{name: value for name, value in known.items() if value is not None},
            }
        ),
    )


def claim_of(queue: str, row: Row, owner: str = "", epoch: str = "", asked_at: float = math.inf) -> Claim:
    """The claim in a row whose contents have been opened. ``asked_at``: monotonic seconds, before the answer.

    Raises `UnknownPayloadVersion` for what a newer Notifier wrote, `UnreadableRecord` for what is no mail.
    """
    try:
        email = Email.from_payload(json.loads(row.payload))
        states = {path: RecipientState(state) for path, state in json.loads(row.recipients).items()}
        if row.suppressed:
            states |= dict.fromkeys(json.loads(row.suppressed), RecipientState.SUPPRESSED)
    except UnknownPayloadVersion:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableRecord(f"the record cannot be read: {type(error).__name__}") from error
    if (email.id, email.queue) != (row.mail_id, queue):
        raise UnreadableRecord("the record holds another mail than its key says")
    return Claim(
        replace(email, trace=row.trace) if row.trace else email,
        row.fence,
        states,
        row.attempt,
        row.crashes,
        row.unknowns,
        row.deadline_in / 1000,
        row.composed or None,
        row.setbacks,
        owner=owner,
        epoch=epoch,
        until=asked_at + row.deadline_in / 1000,
    )


def status_of(queue: str, mail_id: str, fields: Sequence[bytes | None], history: Sequence[bytes]) -> MailStatus | None:
    """The answers for `STATUS_FIELDS` and the history; None where there is no such record."""
    if None in fields[: len(_FIELDS)]:
        return None
    known = {name: field.decode() for name, field in zip(STATUS_FIELDS, fields, strict=True) if field is not None}
    state = MailState(known["state"])
    return MailStatus(
        mail_id=mail_id,
        state=state,
        queue=queue,
        template=known["template"],
        mail_class=known["class"],
        recipients=_recipients_of(known["recipients"]),
        created_at=int(known["created"]) / 1000,
        due_at=int(known["due"]) / 1000 if state is MailState.WAITING else None,
        attempt=int(known.get("attempt", 0)),
        crashes=int(known.get("crashes", 0)),
        unknowns=int(known.get("unknowns", 0)),
        setbacks=int(known.get("setbacks", 0)),
        tenant=known.get("tenant", DEFAULT),
        history=tuple(json.loads(entry) for entry in history),
    )


def _recipients_of(text: str) -> dict[str, RecipientState]:
    """None where they cannot be read: such a mail is quarantined, and people are to see it there."""
    try:
        return {path: RecipientState(state) for path, state in json.loads(text).items()}
    except (ValueError, AttributeError):
        return {}
