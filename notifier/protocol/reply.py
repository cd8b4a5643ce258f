"""Replies (RFC 5321 section 4.2), parsed strictly and independently of how the octets were split."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

SHORT = 512  # octets of a reply line as RFC 5321 has it (section 4.5.3.1.5)
MAX_SEEN = 64  # replies that a parser knows by heart
MAX_OFFER = 2048  # octets of a reply of several lines that all parsers know by heart

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])([^\r\n\0]*))?\Z")
_SINGLE = re.compile(rb"([2-5][0-9][0-9])(?: ([^\r\n\0]*))?\r\Z")
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?= |\Z)")


class ProtocolViolation(Exception):
    """The peer does not speak SMTP, or has lost its place. The connection is dead for good."""


@dataclass(frozen=True, slots=True)
class ReplyCaps:
    """What a reply may have at most: octets of a line, with its CRLF; octets of all its lines; and how many those are."""

    line: int = 8 * 1024  # servers write more than the 512 of RFC 5321 where they name policies and addresses
    octets: int = 64 * 1024  # a greeting of 200 MB was once accepted by a neighbour
    lines: int = 128  # EHLO has a line for each extension

    def __post_init__(self) -> None:
        """Raises `ValueError` for what could not hold a reply as RFC 5321 has it."""
        if self.line < SHORT or self.octets < self.line or self.lines < 1:
            raise ValueError(
                f"a reply has a line or more, a line {SHORT} octets or more, and a reply as many as a line"
            )


CAPS = ReplyCaps()


class Reply(NamedTuple):
    """One reply. ``lines`` are the texts without code and line end."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """The words, one line each; octets that are no UTF-8 are replaced."""
        lines = self.lines
        return (lines[0] if len(lines) == 1 else b"\n".join(lines)).decode("utf-8", "replace")

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 2034 section 4), if its class is the reply's own and not 3yz (rule g2)."""
        found = _ENHANCED.match(self.lines[0].decode("ascii", "replace"))
        return found[0] if found and int(found[1]) == self.code // 100 else None

    @property
    def positive(self) -> bool:
        """2yz: done as asked (RFC 5321 section 4.2.1)."""
        return 200 <= self.code < 300

    def __str__(self) -> str:
        code, lines = self
        text = (lines[0] if len(lines) == 1 else b"\n".join(lines)).decode("utf-8", "replace")
        return f"{code} {text}".rstrip()


class ReplyParser:
    """Feed it octets, take whole replies. After a ``violation`` it takes nothing more."""

    def __init__(self, caps: ReplyCaps = CAPS, *, by_heart: bool = True) -> None:
        self._caps = caps
        self._by_heart = by_heart  # what other parsers have taken apart is not taken apart again
        self._buffer = b""
        self._code: bytes = b""  # of the reply that has begun
        self._lines: list[bytes] = []
        self._size = 0
        self._seen: dict[bytes, Reply] = {}  # a server says the same all day long
        self.violation: str | None = None

    @property
    def pending(self) -> bool:
        """True where octets of an unfinished reply are held."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that ``data`` completes, up to where it violates the grammar; then ``violation`` says how."""
        if self.violation is not None:
            return []
        octets = self._buffer + data if self._buffer else data
        lines = octets.split(b"\n")
        self._buffer = lines.pop()
        if not (self._buffer or self._lines):
            known = list(filter(None, map(self._seen.get, lines)))
            if len(known) == len(lines):  # so it is all day long
                return known
            by_heart = self._by_heart and octets[3:4] == b"-" and len(octets) <= MAX_OFFER
            if by_heart and (offer := _offer(octets, self._caps)) is not None:
                return [offer]
        replies: list[Reply] = []
        try:
            self._complete(lines, replies)
        except ProtocolViolation as error:
            self.violation = str(error)
        return replies

    def _complete(self, lines: list[bytes], replies: list[Reply]) -> None:
        seen = self._seen
        for line in lines:
            if not self._lines:
                reply = seen.get(line) or (_single(line) if len(line) < SHORT else None)
                if reply is not None:
                    if len(seen) < MAX_SEEN:  # the first ones are those that come again
                        seen[line] = reply
                    replies.append(reply)
                    continue
            if (longer := self._take(line)) is not None:
                replies.append(longer)
        if len(self._buffer) > self._caps.line or self._size + len(self._buffer) > self._caps.octets:
            raise ProtocolViolation(
                f"a reply line of over {self._caps.line} octets, or a reply of over {self._caps.octets}"
            )

    def _take(self, line: bytes) -> Reply | None:
        size = len(line) + 1  # with its LF
        self._size += size
        caps = self._caps
        if size > caps.line or self._size > caps.octets or len(self._lines) >= caps.lines:
            raise ProtocolViolation(
                f"a reply over {caps.line} octets a line, {caps.octets} octets or {caps.lines} lines"
            )
        if not line.endswith(b"\r"):
            raise ProtocolViolation("a reply line that does not end in CRLF")
        found = _LINE.match(line[:-1])
        if found is None:
            raise ProtocolViolation("a line that is no SMTP reply")
        code, divider, text = found.groups()
        if self._lines and self._code != code:
            raise ProtocolViolation(f"codes {self._code.decode()} and {code.decode()} in one reply")
        self._code = code
        self._lines.append(text or b"")
        if divider == b"-":
            return None
        reply = Reply(int(code), tuple(self._lines))
        self._lines, self._size = [], 0
        return reply


@lru_cache(maxsize=64)  # a relay says the same to whoever connects and takes his leave
def _single(line: bytes) -> Reply | None:
    """The reply that a line of less than `SHORT` octets, without its LF, is by itself; None where it takes a closer look."""
    if (found := _SINGLE.match(line)) is None:
        return None
    return Reply(int(found[1]), (found[2] or b"",))


@lru_cache(maxsize=16)  # and offers the same
def _offer(octets: bytes, caps: ReplyCaps) -> Reply | None:
    """The one reply that these octets, up to `MAX_OFFER`, are from the first to the last; None where they are anything else."""
    parser = ReplyParser(caps, by_heart=False)
    found = parser.feed(octets)
    return found[0] if len(found) == 1 and not (parser.pending or parser.violation) else None
