"""The mails of a run: 3 KB each, all alike but for their Message-ID, and what a sink must have counted after them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SENDER = "sender@origin.example"
RECIPIENT = "recipient@destination.example"
SIZE = 3072  # octets of one message
_DIGITS = 16
_HEADER = (
    f"From: Orders <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: Your order has been shipped\r\n"
    "Date: Mon, 02 Jun 2025 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
).encode()
# One line begins with a dot: a client that does not stuff it is found out by its hash.
_LINES = (
    b"The parcel left our house this morning and will be with you in two days.\r\n",
    b".a line that begins with a dot, as they do in mails about programs\r\n",
    b"Reply to this mail where anything is wrong, and we shall set it right.\r\n",
)
_BEFORE = _HEADER + b"Message-ID: <"
_BEHIND = b"@origin.example>\r\n\r\n"


def _body(size: int) -> bytes:
    plain = _LINES[0] + _LINES[1]
    plain += _LINES[2] * ((size - len(plain)) // len(_LINES[2]))
    return plain + b"=" * (size - len(plain) - 2) + b"\r\n"


@dataclass(frozen=True, slots=True)
class Expected:
    """How many mails a sink must have, and the 64-bit sum of CRC-32 and length over them."""

    mails: int
    sum: int


@dataclass(frozen=True, slots=True)
class Load:
    """``count`` mails, numbered from ``first``: no two of a run have the same number, but where they are all the ``same``."""

    first: int
    count: int
    same: bool = False

    @property
    def frame(self) -> tuple[bytes, bytes]:
        """The octets before and behind the number, for a client that is not written in Python."""
        room = SIZE - len(_BEFORE) - _DIGITS - len(_BEHIND)
        return _BEFORE, _BEHIND + _body(room)

    def messages(self) -> Iterator[bytes]:
        """The octets of each message: CRLF line ends, the last line ended."""
        before, behind = self.frame
        for number in range(self.first, self.first + self.count):
            yield b"%b%0*d%b" % (before, _DIGITS, self.first if self.same else number, behind)

    def expected(self) -> Expected:
        """What the sink must say after these mails."""
        total = sum(zlib.crc32(message) + len(message) for message in self.messages())
        return Expected(self.count, total % 2**64)
