"""The messages of the benchmark, and the sum that the sink must come to."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

SENDER, RECIPIENT = "sender@client.example", "recipient@sink.example"
SIZE = 3 * 1024  # octets

_LINE = b"This line stands for the text of a mail that somebody wants to read, more or less.\r\n"


def messages(count: int, size: int = SIZE) -> Iterator[bytes]:
    """So many different messages of about ``size`` octets, with CRLF line ends."""
    body = (_LINE * (size // len(_LINE)))[: size - 160]
    body = body[: body.rindex(b"\n") + 1] + b".A line that begins with a dot.\r\n"
    for number in range(count):
        yield (
            b"From: %s\r\nTo: %s\r\nSubject: Number %08d\r\nMessage-ID: <%08d@client.example>\r\n\r\n"
            % (SENDER.encode(), RECIPIENT.encode(), number, number)
        ) + body


def checksum(octets: Iterator[bytes]) -> int:
    """Of a set of messages, in any order: CRC-32 and length of each, added up."""
    return sum(zlib.crc32(message) + len(message) for message in octets) % 2**64
