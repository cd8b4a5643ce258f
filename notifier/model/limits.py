"""Limits that all replicas keep together, as values and protocols: how many mails a second, how many connections.

A limit never makes anybody sleep: the answer is how long the mail should wait in the store.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

# Seconds that a relay may take to be ready, for one's turn to connect. And until it is asked again at one that takes longer:
# all that waits for it is claimed and put off each time.
PATIENCE, LATER = 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: ``per_second`` mails in the long run, ``burst`` at once.

    Without a burst it is what comes in one second: less, and a worker that looks for due mails a few times a second
    would not reach the rate.
    """

    key: str
    per_second: float
    burst: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.per_second) or self.per_second <= 0:
            raise ValueError(f"a rate is a number of mails a second over 0, not {self.per_second}")
        if self.burst == 0.0:
            object.__setattr__(self, "burst", max(1.0, self.per_second))
        if self.burst < 1:
            raise ValueError(f"a burst is one mail or more, not {self.burst}")


@dataclass(frozen=True, slots=True)
class DomainRates:
    """Mails a second to recipient domains (A-labels, small letters), from all replicas together.

    ``named`` are those of single domains; ``others`` is that of each domain without one, None for no limit.
    """

    named: Mapping[str, float] = field(default_factory=dict)
    others: float | None = None

    def of(self, domain: str) -> Rate | None:
        """The bucket of a domain; None where there is no limit."""
        per_second = self.named.get(domain, self.others)
        return None if per_second is None else Rate(f"domain {domain}", per_second)


class Rates(Protocol):
    """Token buckets, shared by whoever shares the implementation."""

    def take(self, wanted: Sequence[Sequence[Rate]]) -> list[float]:
        """For each mail its buckets; the answer is for each mail 0 where it may go, else seconds to wait.

        A mail takes a token of each of its buckets or of none. Those that must wait get different times, one after the
        other as the rate allows, so that they do not all come back at once.
        """

    def give_back(self, taken: Sequence[Sequence[Rate]]) -> None:
        """These mails took their tokens and do not go after all."""

    def slow_down(self, rates: Sequence[Rate]) -> None:
        """A relay has said that mail comes too fast: half of each rate is left, and grows back by a tenth now and then.

        Complaints that come together are one.
        """


class Connected(NamedTuple):
    """``wait``: 0 where the connection may be made, else seconds until it is worth asking again. ``live``: how many
    connections the relay has now, from all replicas.

    ``patience``: None where it is a limit that is reached. Else others are being connected, and these seconds more that
    is what a relay that is well may take; 0: it takes longer. ``doubted``: the last one that was over had failed.
    """

    wait: float
    live: int
    patience: float | None = None
    doubted: bool = False


class Word(NamedTuple):
    """What became of a connection. ``established``: the relay has greeted it. ``release``: it is connected no more; or it never
    was, and then it is doubted whether the relay is well. ``forgo``: it is not connected after all, and that says nothing
    against the relay.
    """

    verb: Literal["established", "release", "forgo"]
    token: str


class Connections(Protocol):
    """Who is connected to a relay. An entry that is not kept ends by itself, so that nothing leaks on a kill."""

    def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
        """May ``token`` connect, when ``before`` is said? ``most`` connections at once, or fewer where the relay has said that
        it is enough.

        At once no more are *being* made than were made: a relay that does not answer must not hold up every worker.
        """

    def say(self, relay: str, words: Sequence[Word]) -> None:
        """What became of some, in the order in which it did."""

    def keep_turns(self, relay: str, tokens: Sequence[str]) -> None:
        """These are still being connected. A turn that nobody keeps is over in a few seconds."""

    def keep(self, relay: str, tokens: Sequence[str]) -> None:
        """These are still connected. What was given up counts again: it must not be said of one that is released."""

    def throttled(self, relay: str, *, greeting: bool) -> int:
        """The relay has said that it is too much. Said at the ``greeting``, those that are established are as many as
        it takes; said later, half of them are. One more is tried now and then. Returns how many are established.
        """
