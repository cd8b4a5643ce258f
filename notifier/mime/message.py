"""A message that an application has composed itself: checked, and changed only where the wire or RFC 5322 asks for it.

Line ends become CRLF, Bcc goes, and a Date or Message-ID that is missing is added. Every other octet stays. What cannot
go out like that is refused: nothing is repaired by guessing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from notifier.errors import InvalidHeader, InvalidMail
from notifier.mime import headers as fields
from notifier.mime.line_ends import check_octets, with_crlf
from notifier.model.address import a_labels
from notifier.model.octets import Octets, Source, blocks_of, joined, whole

BLOCK = 64 * 1024  # octets that are looked at together
MAX_LINE = 998  # octets, RFC 5322 section 2.1.1
ONCE = (
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "Date",
)  # RFC 5322 section 3.6
_BLIND = ("bcc", "resent-bcc")

# RFC 5322 section 2.2. Not with blanks before the colon, as once: some readers take such a line for the header's end.
_FIELD = re.compile(rb"([!-9;-~]+):")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAK = re.compile("[\x80-\x9f\u2028\u2029]")  # of Unicode, which some readers take for a line's end
_HEADER_END = re.compile(rb"\r?\n(\r?\n)")
_BARE_LF = re.compile(rb"(?<!\r)\n")


class Field(NamedTuple):
    """``name`` in small letters; ``octets`` are its lines, CRLF included."""

    name: str
    octets: bytes

    @property
    def value(self) -> str:
        """What it says, unfolded."""
        return b" ".join(self.octets.partition(b":")[2].split()).decode()


class Message(NamedTuple):
    """``body`` begins with the empty line, or is empty where there is none."""

    fields: tuple[Field, ...]
    body: Octets

    @property
    def header(self) -> bytes:
        """Its fields, without the empty line."""
        return b"".join(field.octets for field in self.fields)

    @property
    def octets(self) -> Octets:
        """All of it."""
        return joined((self.header, self.body))

    def first(self, name: str) -> str | None:
        """What the first field of that name says."""
        return next((field.value for field in self.fields if field.name == name.lower()), None)


def read_message(octets: bytes) -> Message:
    """A message as it may go out, Bcc included. Raises `InvalidHeader` or `InvalidMail`, which name the line."""
    check_octets(octets)
    header, body = _divided(octets)
    found = Message(tuple(_fields(header.removesuffix(b"\r\n"))), body)
    _check_header(found)
    _check_lines(blocks_of(body, BLOCK), "the body", InvalidMail)
    return found


def without_blind(message: Message) -> Message:
    """Without Bcc and Resent-Bcc: they are for the envelope, and for nobody to see."""
    return Message(tuple(field for field in message.fields if field.name not in _BLIND), message.body)


def header_of(octets: bytes | Source) -> bytes:
    """The header of a message that was checked before, without the empty line. No more is read than it takes."""
    begun = b""
    for block in blocks_of(octets, BLOCK):
        begun += block
        header, end, _ = begun.partition(b"\r\n\r\n")
        if end:
            return header
    return begun


def completed(octets: Octets, *, message_id: str, date: datetime) -> Octets:
    """``octets`` of a message that was checked before, with these where it has no Message-ID or Date of its own."""
    header = header_of(octets)
    missing = "" if _has(b"date", header) else fields.date(date)
    missing += "" if _has(b"message-id", header) else fields.message_id(message_id)
    return joined((missing.encode(), octets)) if missing else octets


def header_is_ascii(octets: Octets) -> bool:
    """False where the header needs SMTPUTF8 (RFC 6531), which 8-bit octets in the body alone do not."""
    return octets.isascii() or header_of(octets).isascii()


def is_signed(header: bytes) -> bool:
    """True where it has a DKIM signature."""
    return _has(b"dkim-signature", header)


def author_domain(header: bytes) -> str:
    """That of From's first address, in A-labels; nothing where it has none."""
    from email import policy  # noqa: PLC0415 - half a megabyte of a worker, for applications that compose themselves
    from email.parser import HeaderParser  # noqa: PLC0415 - as above

    author = HeaderParser(policy=policy.default).parsestr(header.decode("utf-8", "replace"))["From"]
    domains = [address.domain for address in getattr(author, "addresses", ())]
    try:
        return a_labels(domains[0]) if domains else ""
    except ValueError:
        return ""


def _has(name: bytes, header: bytes) -> bool:
    return re.search(rb"^%b:" % name, header, re.MULTILINE | re.IGNORECASE) is not None


def _divided(octets: bytes) -> tuple[bytes, Octets]:
    """Header and body, which begins with the empty line."""
    if octets.startswith((b"\n", b"\r\n")):
        return b"", with_crlf(octets, 0)
    found = _HEADER_END.search(octets)
    header = octets if found is None else octets[: found.end()]
    if b"\r\n" in header and _BARE_LF.search(header) is not None:
        # A value that was pasted into a header of CRLF brings its own fields along like this.
        raise InvalidHeader(
            "the header ends some lines with CRLF and some with LF alone; one of them was put in by somebody"
        )
    if found is None:
        return whole(with_crlf(octets, 0)), b""
    return whole(with_crlf(octets, 0, found.start())), with_crlf(octets, found.start(1))


def _fields(header: bytes) -> Iterator[Field]:
    begun, name = b"", ""
    for number, line in enumerate(header.split(b"\r\n") if header else (), 1):
        if line[:1] not in (b" ", b"\t"):
            if begun:
                yield Field(name, begun)
            begun, name = b"", _name(line, number)
        elif not begun or not line.strip():
            # Some take a line of blanks for the header's end, and others do not.
            raise InvalidHeader(f"line {number} of the header goes on with no field, or holds blanks alone")
        begun += line + b"\r\n"
    if begun:
        yield Field(name, begun)


def _name(line: bytes, number: int) -> str:
    found = _FIELD.match(line)
    if found is None:
        mbox = "; it is a mailbox file's, leave it out" if line.startswith((b"From ", b">From ")) else ""
        raise InvalidHeader(f"line {number} of the header is no field: a name, a colon behind it and a value{mbox}")
    return found[1].decode().lower()


def _check_header(message: Message) -> None:
    header = message.header
    _check_lines((header,), "the header", InvalidHeader)
    if (found := _CONTROL.search(header)) is not None:
        raise InvalidHeader(f"octet {found.start()} of the header is the control character {found[0][0]:#04x}")
    _check_text(message.fields)
    counts = Counter(field.name for field in message.fields)
    for name in ONCE:
        if counts[name.lower()] > 1:
            raise InvalidHeader(
                f"the header has {counts[name.lower()]} fields {name}; there is one (RFC 5322 section 3.6)"
            )
    if not counts["from"]:
        raise InvalidHeader("the header has no From (RFC 5322 section 3.6)")


def _check_text(of: Sequence[Field]) -> None:
    for field in of:
        try:
            if (found := _BREAK.search(field.octets.decode())) is not None:
                raise InvalidHeader(
                    f"the field {field.name!r} holds the line or control character U+{ord(found[0]):04X}"
                )
        except UnicodeDecodeError:
            raise InvalidHeader(
                f"the field {field.name!r} holds octets that are neither ASCII nor UTF-8; write it as encoded words (RFC 2047)"
            ) from None


def _check_lines(blocks: Iterable[bytes], where: str, kind: type[InvalidMail]) -> None:
    number, size = 1, 0
    for block in blocks:
        *ended, rest = block.split(b"\n")
        for part in ended:
            _check_line(size + len(part) - 1, number, where, kind)  # its CR is none of it
            number, size = number + 1, 0
        size += len(rest)
    _check_line(size, number, where, kind)


def _check_line(size: int, number: int, where: str, kind: type[InvalidMail]) -> None:
    if size > MAX_LINE:
        raise kind(
            f"line {number} of {where} has {size:,} octets, and {MAX_LINE} may be (RFC 5322 section 2.1.1); fold a "
            "field, encode a part (quoted-printable or base64)"
        )
