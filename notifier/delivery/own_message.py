"""Messages that an application has composed itself: message objects of the standard library, or octets (RFC 5322).

Who sends and who gets it is what the call says, or what the fields say, by the rules of the standard `smtplib`.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from email.message import Message as MessageObject
from email.parser import HeaderParser
from typing import Any, Literal

from notifier.delivery.attachments import octets_of
from notifier.errors import InvalidAddress, InvalidAttachment, InvalidHeader, InvalidMail
from notifier.mime import message as mime
from notifier.model.address import Address
from notifier.model.octets import Octets
from notifier.smtp.dropin.message import addresses_in, envelope_of, flattened

_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 section 2.2
_INJECTED = re.compile(r"\r(?!\n)|\n[^ \t]|\n\Z|\r\n[^ \t]")


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """``data`` is what goes out, but for a Date or Message-ID that is missing; ``authors`` stand in From."""

    data: Octets = field(repr=False)
    recipients: tuple[Address, ...]
    authors: tuple[Address, ...]
    sender: Address | None  # of the envelope; None: the null sender
    message_id: str | None

    @property
    def senders(self) -> tuple[Address, ...]:
        """Everybody in whose name it goes out: a tenant must be allowed to send as each."""
        return self.authors if self.sender is None else (*self.authors, self.sender)

    @property
    def reverse_path(self) -> str:
        """Of the envelope."""
        return "" if self.sender is None else self.sender.forward_path


def read_own_message(
    given: object, sender: Address | Literal[""] | None, recipients: Sequence[Address] | None, *, limit: int
) -> OwnMessage:
    """What the call asks for, checked. Where it names no ``sender`` or ``recipients`` the fields do; an empty sender is the
    null sender of automatic replies.

    Raises an `InvalidMail` that says what is wrong.
    """
    try:
        return _read(given, sender.addr_spec if isinstance(sender, Address) else sender, recipients, limit)
    except InvalidMail:
        raise
    except ValueError as error:
        raise InvalidMail(str(error)) from error
    except Exception as error:  # the library's generator and parsers stumble in many ways over malformed messages
        raise InvalidMail(f"the message cannot be written or read: {type(error).__name__}: {error}") from error


def _read(given: object, sender: str | None, to: Sequence[Address] | None, limit: int) -> OwnMessage:
    paths = None if to is None else [address.addr_spec for address in to]
    sender, recipients, found = _taken_apart(given, sender, paths, limit)
    if not recipients:
        raise InvalidAddress("the message names nobody in To, Cc or Bcc, and no to_addrs are given")
    authors = addresses_in(HeaderParser().parsestr(found.header.decode()), "From")
    if not authors:
        raise InvalidHeader("the field From of the message holds no address")
    return OwnMessage(
        data=mime.without_blind(found).octets,
        recipients=tuple(map(Address.parse, recipients)),
        authors=tuple(map(Address.parse, authors)),
        sender=Address.parse(sender) if sender else None,
        message_id=found.first("Message-ID") or None,
    )


def _taken_apart(
    given: object, sender: str | None, recipients: list[str] | None, limit: int
) -> tuple[str, list[str], mime.Message]:
    """Who sends, who gets it, and what."""
    if isinstance(given, MessageObject):
        flat = flattened(_settled(given), sender, recipients)
        return flat.sender, flat.recipients, mime.read_message(flat.octets)
    found = mime.read_message(_octets(given, limit))
    return *envelope_of(HeaderParser().parsestr(found.header.decode()), sender, recipients), found


def _octets(given: object, limit: int) -> bytes:
    try:
        return octets_of(given, "the message", limit)
    except InvalidAttachment:
        raise InvalidMail(
            f"a message is an email.message.Message, its octets, or base64 text of them, and not {type(given).__name__}"
        ) from None


def _settled(message: MessageObject[Any, Any]) -> MessageObject[Any, Any]:
    """A copy that is written in the same octets each time, so that one idempotency key has one message."""
    settled = copy.deepcopy(message)
    parts = list(settled.walk())
    for part in parts:
        check_fields(part)
    open_ones = [part for part in parts if part.get_content_maintype() == "multipart" and part.get_boundary() is None]
    if open_ones:
        token = _token(parts)
        for number, part in enumerate(open_ones):
            part.set_boundary(f"=_own_{number}_{token}")
    return settled


def check_fields(part: MessageObject[Any, Any]) -> None:
    """Before they are written: old policies write a line end that stands in a value (CVE-2024-6923).

    Raises `InvalidHeader`.
    """
    for name, value in part.items():
        if not _NAME.fullmatch(name):
            raise InvalidHeader(
                f"the message has a field {name[:80]!r}; a name is printable ASCII without blank or colon"
            )
        if _INJECTED.search(str(value)):
            raise InvalidHeader(f"the field {name!r} of the message holds a line end that would begin another field")


def _token(parts: Iterable[MessageObject[Any, Any]]) -> str:
    """What stands in none of the parts, for it is made of them."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part.items()).encode("utf-8", "surrogatepass"))
        if not part.is_multipart():
            digest.update(str(part.get_payload()).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]
