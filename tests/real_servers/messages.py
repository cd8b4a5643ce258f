"""Messages that have gone wrong somewhere before, and what a server's Maildir makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workers import wait_until

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome

# Everything that a line may hold: NUL is not for mail (RFC 5321 section 4.1.1.4), CR and LF end the line.
EVERY_OCTET = bytes(octet for octet in range(1, 256) if octet not in b"\r\n")

BODIES = {
    "dots": b".\r\n..\r\n...\r\n.x\r\n. \r\n.\r\n\r\n.\r\n",
    "a dot at the very end": b"text\r\n.",
    "From at a line start": b"From here\r\n>From there\r\nFrom: me\r\n",
    "8-bit text": "Grüße, 你好, 👋\r\n".encode() + EVERY_OCTET + b"\r\n",
    "no final CRLF": b"the end",
    "no body": b"",
    "blank lines at both ends": b"\r\n\r\nmiddle\r\n\r\n\r\n",
    "spaces at line ends": b"one \r\ntwo\t\r\n \r\n\t\r\n",
    "lines of 998 octets": b"".join(b"x" * length + b"\r\n" for length in (996, 997, 998)),
    "dots before 998 octets": b"." * 998 + b"\r\n." + b"y" * 997 + b"\r\n",
    "looks like commands": b"QUIT\r\nRSET\r\nMAIL FROM:<a@x.example>\r\nBDAT 0 LAST\r\n250 OK\r\n",
    "a megabyte": b".0123456789abcdef" * 4 + b"\r\n" + (b"." + b"z" * 75 + b"\r\n") * 13_800,
}


def messages() -> dict[str, bytes]:
    """A message for each of the bodies; its subject names it."""
    return {name: message(name, body) for name, body in BODIES.items()}


def message(subject: str, body: bytes = b"hello\r\n") -> bytes:
    return b"Subject: " + subject.encode() + b"\r\nX-Folded: one\r\n\ttwo\r\n  three \r\n\r\n" + body


def mail(data: bytes, *recipients: str, sender: str = "s@x.example") -> MailObject:
    return MailObject(Envelope(sender, recipients), data, eight_bit=not data.isascii())


def rows(outcome: Outcome) -> dict[str, str | None]:
    """Each recipient with the taxonomy row of its fault, None where it was accepted."""
    return {path: one.fault.taxonomy_id if one.fault else None for path, one in outcome.recipients.items()}


def as_lines(data: bytes) -> bytes:
    """A message whose last line is ended: without CHUNKING there is no other way to send one (RFC 5321 section 4.1.1.4)."""
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def unlike(stored: Sequence[bytes], sent: Sequence[bytes]) -> list[str]:
    """Where the two differ, in a few words each: a megabyte of both sides tells nobody anything."""
    by_subject = {_subject(one): one for one in stored}
    wrong = [] if len(stored) == len(sent) else [f"{len(stored)} stored, {len(sent)} sent"]
    for one in sent:
        found = by_subject.get(_subject(one), b"")
        if found != one:
            place = _first_difference(found, one)
            around = slice(max(0, place - 20), place + 20)
            wrong.append(f"{_subject(one)!r} at octet {place}: {found[around]!r}, not {one[around]!r}")
    return wrong


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _subject(data: bytes) -> bytes:
    return data.partition(b"\r\n")[0]


class Maildir:
    """A mailbox on disk. ``trace``: the header fields that its server writes above a message, lower case."""

    def __init__(self, folder: Path, trace: Sequence[bytes]) -> None:
        self._new = folder / "new"
        self._trace = frozenset(trace)

    def __len__(self) -> int:
        return len(list(self._new.iterdir())) if self._new.is_dir() else 0

    def take(self, count: int) -> list[bytes]:
        """Wait for ``count`` messages, take them out, and give them back as they were sent."""
        wait_until(lambda: len(self) >= count, f"{count} messages in {self._new}")
        return [self._taken(file) for file in sorted(self._new.iterdir())]

    def _taken(self, file: Path) -> bytes:
        stored = file.read_bytes()
        file.unlink()
        return without_trace(stored, self._trace).replace(b"\n", b"\r\n")


def without_trace(stored: bytes, trace: frozenset[bytes]) -> bytes:
    """What stands below the fields that a server writes at the top; the first field of another name ends them."""
    lines = stored.split(b"\n")
    place, in_trace = 0, False
    for line in lines:
        if not line.startswith((b" ", b"\t")):
            in_trace = line.partition(b":")[0].lower() in trace
        if not in_trace:
            break
        place += 1
    return b"\n".join(lines[place:])
