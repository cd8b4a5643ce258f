"""What a hostile server does instead of a good reply: one small value each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from notifier.testing.peer import Peer

MOST = 64 * 2**20  # octets that a flood sends at most: every test ends


class Ended(Exception):
    """The server has done with this connection."""


class Mischief(Protocol):
    """``accepts``: at the final reply, the message counts as accepted all the same."""

    @property
    def accepts(self) -> bool: ...

    def do(self, peer: Peer, good: bytes) -> None:
        """Answer, with ``good`` as what a good server would say. Raises `Ended` where the connection ends."""


@dataclass(frozen=True, slots=True)
class Say:
    """These octets, whatever they are: a refusal, garbage, mixed codes, nothing that ends in CRLF."""

    octets: bytes
    then_close: bool = False
    accepts: bool = False

    def do(self, peer: Peer, good: bytes) -> None:
        del good
        peer.write(self.octets)
        peer.flush()
        if self.then_close:
            raise Ended


def Refuse(reply: str) -> Say:  # noqa: N802 - reads as the others do
    """A reply in words, such as ``550 5.1.1 No such user``."""
    return Say(reply.encode() + b"\r\n")


@dataclass(frozen=True, slots=True)
class Drop:
    """Close (FIN), after so many octets of the good reply. With ``accepts``: the lost 250 of RFC 1047."""

    after: int = 0
    accepts: bool = False

    def do(self, peer: Peer, good: bytes) -> None:
        peer.write(good[: self.after])
        peer.flush()
        raise Ended


@dataclass(frozen=True, slots=True)
class HalfClose:
    """Close the way to the client, and go on reading what it says."""

    accepts: bool = False

    def do(self, peer: Peer, good: bytes) -> None:
        del good
        peer.close_for_writing()
        peer.read_to_the_end()
        raise Ended


@dataclass(frozen=True, slots=True)
class Reset:
    """Close with a RST, after so many octets of the good reply."""

    after: int = 0
    accepts: bool = False

    def do(self, peer: Peer, good: bytes) -> None:
        peer.write(good[: self.after])
        peer.flush()
        peer.reset()
        raise Ended


@dataclass(frozen=True, slots=True)
class Blackhole:
    """Never answer; keep the connection. ``reading``: take what the client says, or not even that."""

    reading: bool = True
    accepts: bool = False

    def do(self, peer: Peer, good: bytes) -> None:
        del good
        peer.flush()  # what was answered before was answered; only from here on there is silence
        if self.reading:
            peer.read_to_the_end()
        else:
            peer.pause(None)
        raise Ended


@dataclass(frozen=True, slots=True)
class Drip:
    """The good reply an octet at a time, ``interval`` seconds apart; with ``endless`` words in it."""

    interval: float
    endless: bool = False
    accepts: bool = True

    def do(self, peer: Peer, good: bytes) -> None:
        for octet in _dripped(good, endless=self.endless):
            peer.write(octet)
            peer.pause(self.interval)


def _dripped(good: bytes, *, endless: bool) -> Iterable[bytes]:
    begin = good[:4]
    yield from (begin[at : at + 1] for at in range(len(begin)))
    if endless:
        yield from (b"x" for _ in range(MOST))
    yield from (good[at : at + 1] for at in range(4, len(good)))


@dataclass(frozen=True, slots=True)
class Flood:
    """The same octets again and again, ``most`` in all; then close."""

    octets: bytes
    most: int = MOST
    accepts: bool = False

    def do(self, peer: Peer, good: bytes) -> None:
        del good
        block = self.octets * max(1, 64 * 1024 // len(self.octets))
        for _ in range(0, self.most, len(block)):
            peer.write(block)
            peer.flush()
        raise Ended


@dataclass(frozen=True, slots=True)
class Twice:
    """The good reply, and once more; ``apart`` seconds between."""

    apart: float = 0.0
    accepts: bool = True

    def do(self, peer: Peer, good: bytes) -> None:
        peer.write(good)
        if self.apart:
            peer.pause(self.apart)
        peer.write(good)


@dataclass(frozen=True, slots=True)
class Inject:
    """The good reply with octets behind it in the same write: what RFC 3207 section 5 is about."""

    octets: bytes
    accepts: bool = True

    def do(self, peer: Peer, good: bytes) -> None:
        peer.write(good + self.octets)


@dataclass(frozen=True, slots=True)
class Delay:
    """The good reply after ``seconds``."""

    seconds: float
    accepts: bool = True

    def do(self, peer: Peer, good: bytes) -> None:
        peer.pause(self.seconds)
        peer.write(good)


@dataclass(frozen=True, slots=True)
class Skip:
    """No reply to this command, and on with the next: a reply less than commands."""

    accepts: bool = True

    def do(self, peer: Peer, good: bytes) -> None:
        del peer, good
