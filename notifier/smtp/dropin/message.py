"""A message object of the standard library as `SMTP.send_message` sends it.

Loaded with the first one: the library's policies are a third of the time that importing all of the rest takes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from email.generator import BytesGenerator
from email.message import EmailMessage, Message
from email.policy import EmailPolicy, default
from io import BytesIO
from typing import Any, NamedTuple


class Flat(NamedTuple):
    """Envelope and octets. ``international``: an address is not ASCII (RFC 6531)."""

    sender: str
    recipients: list[str]
    octets: bytes
    international: bool


def flattened(
    msg: Message[Any, Any] | EmailMessage, sender: str | None, recipients: str | Sequence[str] | None
) -> Flat:
    """Raises `ValueError` where the fields do not say who sends, or say it twice."""
    sender, paths = envelope_of(msg, sender, recipients)
    international = not "".join([sender, *paths]).isascii()
    return Flat(sender, paths, _octets(msg, international=international), international)


def envelope_of(
    msg: Message[Any, Any] | EmailMessage, sender: str | None, recipients: str | Sequence[str] | None
) -> tuple[str, list[str]]:
    """Who sends and who gets it: what is given, else what the fields say. Raises `ValueError` as `flattened` does."""
    prefix = _prefix(msg)
    sender = _sender(msg, prefix) if sender is None else sender
    if recipients is None:
        recipients = addresses_in(msg, f"{prefix}To", f"{prefix}Cc", f"{prefix}Bcc")
    return sender, [recipients] if isinstance(recipients, str) else list(recipients)


def _prefix(msg: Message[Any, Any]) -> str:
    """RFC 5322 section 3.6.6: whoever resends is whom the envelope is about."""
    blocks = len(msg.get_all("Resent-Date", []))
    if blocks > 1:
        raise ValueError("message has more than one 'Resent-' header block")
    return "Resent-" if blocks else ""


def _sender(msg: Message[Any, Any], prefix: str) -> str:
    for field in (f"{prefix}Sender", f"{prefix}From"):
        if field in msg:
            found = addresses_in(msg, field)
            if not found:
                raise ValueError(f"the {field} field holds no address")
            return found[0]
    raise ValueError(f"the message has neither {prefix}Sender nor {prefix}From, and no from_addr is given")


def _octets(msg: Message[Any, Any], *, international: bool) -> bytes:
    public = copy.copy(msg)
    del public["Bcc"]
    del public["Resent-Bcc"]
    policy = msg.policy
    if international and isinstance(policy, EmailPolicy):  # the old policy writes encoded words, which do as well
        policy = policy.clone(utf8=True)
    with BytesIO() as octets:
        # "From " at a line's start is the message's own; mangling it is for mailbox files.
        BytesGenerator(octets, mangle_from_=False, policy=policy).flatten(public, linesep="\r\n")
        return octets.getvalue()


def addresses_in(msg: Message[Any, Any] | EmailMessage, *fields: str) -> list[str]:
    """Every address in every field of these names. Raises `ValueError` for a field that cannot be read."""
    found: list[str] = []
    for field in fields:
        for value in msg.get_all(field, []):
            found += _addresses(field, str(value))
    return found


def _addresses(field: str, value: str) -> list[str]:
    try:
        header = default.header_factory(field.rpartition("-")[2], " ".join(value.splitlines()))
        addresses = [address.addr_spec for address in header.addresses]
    except Exception as error:  # the library's parser stumbles in many ways over malformed fields
        raise ValueError(f"the {field} field holds no addresses that can be read: {value!r}") from error
    if value.strip() and any(not address for address in addresses):
        raise ValueError(f"the {field} field holds what is no address: {value!r}")
    return addresses
