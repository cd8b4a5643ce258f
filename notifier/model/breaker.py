"""Circuit breakers as values: what the pool asks, and what all replicas agree on.

A breaker belongs to a *place*: a relay, or an account at it. It opens when too much fails there, so that mails wait in
the store and no attempt is spent on them; when its time is over it lets one probe through (half-open), whose outcome
closes it or opens it for twice as long. An account whose password was never seen to work lets one login through at a
time, because relays lock accounts out for what a thousand waiting mails would do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

About = Literal["host", "account"]


class Place(NamedTuple):
    """``relay``: host, port and TLS policy. ``account``: who logs in there; None where nobody does."""

    relay: str
    account: str | None = None


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """Opens at ``consecutive`` failures, or where over ``share`` of the ``last`` ones failed; stays open ``first``
    seconds, twice as long after each probe that fails, ``longest`` at most. ``probe``: seconds that a probe may take
    before another is let through.
    """

    consecutive: int = 5
    share: float = 0.5
    last: int = 20
    first: float = 30.0
    longest: float = 600.0
    probe: float = 120.0

    def __post_init__(self) -> None:
        if self.consecutive < 1 or self.last < 1 or not 0 < self.share <= 1:
            raise ValueError("a breaker opens at 1 failure or more, or at a share between 0 and 1 of the last ones")
        if not 0 < self.first <= self.longest or self.probe <= 0:
            raise ValueError("a breaker stays open for seconds over 0, and no longer than its longest time")

    def scaled(self, factor: float) -> BreakerRule:
        """Open for so many times as long: demos and tests do not have minutes."""
        return replace(self, first=self.first * factor, longest=self.longest * factor)


HOST_RULE = BreakerRule()
ACCOUNT_RULE = BreakerRule(first=300.0, longest=3600.0)


class BreakerRules(NamedTuple):
    """For relays, and for accounts at them."""

    host: BreakerRule = HOST_RULE
    account: BreakerRule = ACCOUNT_RULE

    def scaled(self, factor: float) -> BreakerRules:
        """Both, open for so many times as long."""
        return BreakerRules(self.host.scaled(factor), self.account.scaled(factor))


class Permit(NamedTuple):
    """``wait``: 0 to go on, else seconds until it is worth asking again, and ``why``. ``probe``: everything depends
    on how this one goes. ``clean``: nothing is held against the place, and a success need not be told. ``paused``: an
    operator has said so.
    """

    wait: float = 0.0
    probe: bool = False
    clean: bool = True
    why: str = ""
    paused: bool = False


class LoginTurn(NamedTuple):
    """``wait``: 0 to log in, else seconds until it is worth asking again, and ``why``.

    ``patience``: None where something is held against the place. Else others are logging in, and these seconds more that
    is what a relay that is well may take; 0: it takes longer.
    """

    wait: float = 0.0
    patience: float | None = None
    why: str = ""


class Opened(NamedTuple):
    """A breaker that is open: ``wait`` seconds until a probe is let through; 0 where that is let through now."""

    about: About
    wait: float
    why: str


class Breakers(Protocol):
    """The breakers of all places, shared by whoever shares the implementation."""

    def permit(self, place: Place) -> Permit:
        """May something be tried there now? A half-open breaker gives its probe away with this call."""

    def forgo(self, place: Place) -> None:
        """The probe that was let through is not made: no session was free, say. The next one may be."""

    def logged_in(self, place: Place) -> bool:
        """The account's login has worked, whatever becomes of its mails; True where that closed its breaker."""

    def log_in(self, place: Place, login: str) -> LoginTurn:
        """May ``login``, which has a name of its own, begin by a permit that was no probe's?

        Such a permit is many's, and a relay locks an account out for what they would all do with a password that has
        changed. So a few are under way at once, one alone after a failure, each until `login_over`.
        """

    def login_over(self, place: Place, login: str) -> None:
        """It is not under way any more, and the breakers have been told what became of it."""

    def good(self, place: Place) -> bool:
        """It went well; True where that closed a breaker. An account's that is open, and not half-open, stays so: whoever
        sends there had logged in before.
        """

    def bad(self, place: Place, about: About, rule: BreakerRule, why: str) -> float:
        """It failed, and whose fault it was. Returns for how many seconds that has opened a breaker, or 0."""
