"""The lines of a mail's envelope, MAIL and RCPT with their parameters, and the extensions that they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from notifier.model.envelope import MailObject
from notifier.model.octets import Octets
from notifier.protocol.commands import Body, Mail, Rcpt, are_plain_paths, rcpt_line
from notifier.protocol.link import Link
from notifier.protocol.parameters import mail_parameters, rcpt_parameters
from notifier.protocol.paths import wire_form

AT_ONCE = 1024  # mails


def size_of(data: Octets) -> int:
    """Octets of the message on its way (RFC 1870 section 3): with the CRLF that its last line gets where it has none."""
    return len(data) if data.endswith(b"\r\n") else len(data) + 2


def plain_lines(mail: MailObject, paths: Sequence[str], link: Link) -> bytes:
    """Of a mail that asks for nothing special."""
    line = _mail_line(mail.envelope.reverse_path, size_of(mail.data) if link.declares_size else None)
    return line + rcpt_line(paths[0]) if len(paths) == 1 else line + b"".join(map(rcpt_line, paths))


def are_plain(mails: Sequence[MailObject]) -> bool:
    """True where each has one recipient and nothing about it wants a closer look. Whether the messages are ASCII is not looked at.

    Calls are what a mail costs here, so there is none for each mail. So many at once that what is made of them stays near.
    """
    return all(_are_plain(mails[start : start + AT_ONCE]) for start in range(0, len(mails), AT_ONCE))


def _are_plain(mails: Sequence[MailObject]) -> bool:
    senders: set[str] = set()
    paths: list[str] = []
    for mail in mails:
        envelope = mail.envelope
        if mail.smtputf8 or mail.eight_bit or mail.binary or len(envelope.forward_paths) != 1:
            return False
        if envelope.parameters is not None or envelope.rcpt_parameters:
            return False
        senders.add(envelope.reverse_path)
        paths += envelope.forward_paths
    return are_plain_paths(senders, paths)


def special_lines(mail: MailObject, paths: Sequence[str], link: Link) -> bytes:
    """Of any mail. Raises `ValueError` for what SMTP cannot carry."""
    envelope, size = mail.envelope, size_of(mail.data) if link.declares_size else None
    asked = tuple(mail_parameters(envelope.parameters, link.offered)) if envelope.parameters is not None else ()
    line = _mail_line(wire_form(envelope.reverse_path), size, _body(mail), _needs_smtputf8(mail), asked)
    wishes = envelope.rcpt_parameters
    for path in paths:
        wish = tuple(rcpt_parameters(wishes[path], link.offered)) if path in wishes else ()
        line += Rcpt(wire_form(path), wish).encode()
    return line


@lru_cache(maxsize=256)
def _mail_line(
    reverse_path: str, size: int | None, body: Body | None = None, utf8: bool = False, asked: tuple[str, ...] = ()
) -> bytes:
    """Campaigns have one sender, and few sizes."""
    return Mail(reverse_path, size, body, utf8, asked).encode()


def _body(mail: MailObject) -> Body | None:
    if mail.binary:
        return Body.BINARY_MIME
    return Body.EIGHT_BIT_MIME if mail.is_eight_bit else None


def is_special(mail: MailObject) -> bool:
    """True for the few that ask for more than every server has."""
    if mail.smtputf8 or mail.binary or mail.eight_bit or not mail.data.isascii():
        return True
    envelope = mail.envelope
    return envelope.parameters is not None or bool(envelope.rcpt_parameters) or envelope.needs_smtputf8


def _needs_smtputf8(mail: MailObject) -> bool:
    """A domain alone does not: it has A-labels."""
    envelope = mail.envelope
    return mail.smtputf8 or not all(map(str.isascii, map(wire_form, (envelope.reverse_path, *envelope.forward_paths))))


def needed_keywords(mail: MailObject) -> Iterator[str]:
    """The extensions without which the mail cannot go."""
    if _needs_smtputf8(mail):
        yield "SMTPUTF8"
    if mail.binary:
        yield from ("CHUNKING", "BINARYMIME")
    elif mail.is_eight_bit:
        yield "8BITMIME"
