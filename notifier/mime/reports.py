"""Delivery status notifications (RFC 3464): what a relay reports of a mail that it had taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message

from notifier.model.proof import Proof

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Action, RFC 3464 section 2.3.3. With all but the first a relay has or had the mail, and tries on or has handed it on.
_PROOF = {
    "failed": Proof.REFUSED,
    "delayed": Proof.DELIVERED,
    "delivered": Proof.DELIVERED,
    "relayed": Proof.DELIVERED,
    "expanded": Proof.DELIVERED,
}


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """``recipients``: addresses as they were given to the relay where it says so, in small letters."""

    mail_id: str
    recipients: Mapping[str, Proof]


def read_report(octets: bytes) -> DeliveryReport:
    """The report in a message. Raises `ValueError` where it is none, or is about no mail of ours.

    The mail is named by its ENVID (RFC 3464 section 2.2.1), or where the relay has not kept that, by the Message-ID of the
    message that it returns.
    """
    message = message_from_bytes(octets, policy=policy.compat32)
    blocks = [block for part in message.walk() for block in _blocks(part)]
    if not blocks:
        raise ValueError("is no delivery status notification (RFC 3464): it has no part message/delivery-status")
    mail_id = _mail_id(blocks[0], message)
    if mail_id is None:
        raise ValueError("is about no mail of Notifier: it returns neither the ENVID nor the Message-ID of one")
    told = {address: proof for block in blocks[1:] for address, proof in _recipient(block)}
    return DeliveryReport(mail_id, told)


def _blocks(part: Message) -> list[Message]:
    """The fields of the message, then those of each recipient (RFC 3464 section 2.1)."""
    if part.get_content_type() != "message/delivery-status" or not part.is_multipart():
        return []
    return [block for block in part.get_payload() if isinstance(block, Message)]


def _mail_id(fields: Message, message: Message) -> str | None:
    envelope_id = str(fields.get("Original-Envelope-Id", "")).strip().lower()
    if _ID.fullmatch(envelope_id):
        return envelope_id
    returned = (named for part in message.walk() if part is not message for named in _message_ids(part))
    return next((found[0] for named in returned if (found := _ID.match(named)) is not None), None)


def _message_ids(part: Message) -> Iterator[str]:
    """Of the returned message, or of its header alone (text/rfc822-headers)."""
    if part.get_content_type() == "text/rfc822-headers":
        header = part.get_payload(decode=True)
        part = message_from_bytes(header if isinstance(header, bytes) else b"", policy=policy.compat32)
    yield from (str(value).strip().lower().removeprefix("<") for value in part.get_all("Message-ID", []))


def _recipient(block: Message) -> Iterator[tuple[str, Proof]]:
    proof = _PROOF.get(str(block.get("Action", "")).strip().lower())
    given = block.get("Original-Recipient") or block.get("Final-Recipient") or ""
    _, _, address = str(given).partition(";")
    if proof is not None and address.strip():
        yield address.strip().lower(), proof
