"""`LocalBreakers`: the breakers of one process, for programs without a store, and the model of the shared ones."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from notifier.model.breaker import HOST_RULE, About, BreakerRule, LoginTurn, Permit, Place

OTHERS_WAIT = 1.0  # seconds until it is asked again while somebody tries a password that is new
# While somebody probes: all that waits for the relay is claimed and put off each time, and a probe may take half a minute.
OTHERS_WAIT_SHARE, OTHERS_WAIT_MOST = 1 / 6, 5.0  # of the time that the breaker was open; seconds

LOGINS_AT_ONCE = 3  # of an account that works: so many may have been begun when the first is told that it works no more
LOGIN = 60.0  # seconds until a login that is never heard of again is given up
_OTHERS = "somebody else is trying the login"


@dataclass(slots=True)
class _Breaker:
    """``until``: open before that moment, half-open from then on; None: closed. Times are of the clock."""

    proven: bool = True
    failures: int = 0  # consecutive
    last: deque[bool] = field(default_factory=deque)
    until: float | None = None
    open_for: float = 0.0
    probe_until: float = 0.0
    probe: float = HOST_RULE.probe
    why: str = ""

    @property
    def clean(self) -> bool:
        return self.proven and self.until is None and not self.last

    def wait(self, now: float) -> float:
        """Seconds; 0 where one may go on."""
        if not self.by_probe_alone:
            return 0.0
        if self.until is not None and now < self.until:
            return self.until - now
        if now >= self.probe_until:
            return 0.0
        others = OTHERS_WAIT if self.until is None else min(OTHERS_WAIT_MOST, self.open_for * OTHERS_WAIT_SHARE)
        return min(others, self.probe_until - now)

    @property
    def by_probe_alone(self) -> bool:
        return self.until is not None or not self.proven

    def take_probe(self, now: float) -> bool:
        if not self.by_probe_alone:
            return False
        self.probe_until = now + self.probe
        return True

    def good(self) -> bool:
        was_open = self.until is not None
        if was_open or True not in self.last:
            self.last.clear()
        else:
            self.last.append(False)
        self.proven, self.failures, self.until, self.open_for, self.probe_until = True, 0, None, 0.0, 0.0
        self.why = ""
        if True not in self.last:
            self.last.clear()
        return was_open

    def logged_in(self, now: float) -> bool:
        # Those who had logged in before it opened say nothing of the password; the probe does.
        return False if self.until is not None and now < self.until else self.good()

    def bad(self, rule: BreakerRule, why: str, now: float) -> float:
        self.failures += 1
        self.last.append(True)
        while len(self.last) > rule.last:
            self.last.popleft()
        self.why, self.probe = why, rule.probe
        if self.until is not None:
            # Those who were under way when it opened say nothing new; the probe does.
            return 0.0 if now < self.until else self._open(min(self.open_for * 2, rule.longest), now)
        too_many = len(self.last) >= rule.last and sum(self.last) > rule.share * len(self.last)
        if self.failures >= rule.consecutive or too_many:
            return self._open(rule.first, now)
        self.probe_until = 0.0
        return 0.0

    def _open(self, seconds: float, now: float) -> float:
        self.open_for, self.until, self.probe_until = seconds, now + seconds, 0.0
        return seconds


class LocalBreakers:
    """`Breakers` in memory. ``clock`` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._breakers: dict[Place, _Breaker] = {}
        self._logins: dict[Place, dict[str, float]] = {}  # when each that is under way is given up

    def permit(self, place: Place) -> Permit:
        """See `Breakers.permit`."""
        with self._lock:
            now = self._clock()
            breakers = self._of(place)
            wait, why = _longest_wait(breakers, now)
            if wait > 0:
                return Permit(wait, clean=False, why=why)
            probes = [one.take_probe(now) for one in breakers]
            return Permit(probe=any(probes), clean=all(one.clean for one in breakers))

    def forgo(self, place: Place) -> None:
        """See `Breakers.forgo`."""
        with self._lock:
            for one in self._of(place):
                one.probe_until = 0.0

    def log_in(self, place: Place, login: str) -> LoginTurn:
        """See `Breakers.log_in`."""
        with self._lock:
            now = self._clock()
            breakers = self._of(place)
            wait, why = _longest_wait(breakers, now)
            if any(one.by_probe_alone for one in breakers):
                return LoginTurn(max(wait, OTHERS_WAIT), why=why)
            clean = breakers[-1].clean
            others = self._logins_beside(place, login, now)
            if len(others) >= (LOGINS_AT_ONCE if clean else 1):
                # While new ones begin the relay is well, and one's turn near.
                patience = max(0.0, max(others.values()) - LOGIN + OTHERS_WAIT - now)
                return LoginTurn(OTHERS_WAIT, patience if clean else None, _OTHERS)
            others[login] = now + LOGIN
            return LoginTurn()

    def login_over(self, place: Place, login: str) -> None:
        """See `Breakers.login_over`."""
        with self._lock:
            self._logins_beside(place, login, self._clock())

    def _logins_beside(self, place: Place, login: str, now: float) -> dict[str, float]:
        under_way = self._logins.get(place, {})
        self._logins[place] = {one: ends for one, ends in under_way.items() if ends > now and one != login}
        return self._logins[place]

    def logged_in(self, place: Place) -> bool:
        """See `Breakers.logged_in`."""
        with self._lock:
            _, *account = self._of(place)
            return any(one.logged_in(self._clock()) for one in account)

    def good(self, place: Place) -> bool:
        """See `Breakers.good`."""
        with self._lock:
            host, *account = self._of(place)
            closed = [host.good(), *(one.logged_in(self._clock()) for one in account)]  # every one of them is told
            return any(closed)

    def bad(self, place: Place, about: About, rule: BreakerRule, why: str) -> float:
        """See `Breakers.bad`."""
        with self._lock:
            host, *account = self._of(place)
            now = self._clock()
            if about == "account" and account:
                host.probe_until = 0.0
                return account[0].bad(rule, why, now)
            for one in account:
                one.probe_until = 0.0
            return host.bad(rule, why, now)

    def _of(self, place: Place) -> list[_Breaker]:
        host = self._breakers.setdefault(Place(place.relay), _Breaker())
        if place.account is None:
            return [host]
        return [host, self._breakers.setdefault(place, _Breaker(proven=False))]


def _longest_wait(breakers: Sequence[_Breaker], now: float) -> tuple[float, str]:
    longest = max(breakers, key=lambda one: one.wait(now))
    return longest.wait(now), longest.why or _OTHERS
