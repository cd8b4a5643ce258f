"""`RedisBreakers`: circuit breakers that all replicas share."""

from __future__ import annotations

from typing import Any

from notifier.model.breaker import About, BreakerRule, LoginTurn, Opened, Permit, Place
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms
from notifier.store.round_trips import Argument


class RedisBreakers:
    """`notifier.model.breaker.Breakers` on the ledger's server; times are of its clock.

    Nothing is waited for on the disk: a breaker that is forgotten costs a connection attempt.
    """

    def __init__(self, connection: LedgerConnection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    def permit(self, place: Place) -> Permit:
        """See `Breakers.permit`. Raises `StoreUnavailable`."""
        wait, probe, clean, why = self._run(place, "permit")
        return Permit(wait / 1000, bool(probe), bool(clean), why.decode() or _why(wait))

    def log_in(self, place: Place, login: str) -> LoginTurn:
        """See `Breakers.log_in`. Raises `StoreUnavailable`."""
        wait, patience, why = self._run(place, "log_in", login)
        return LoginTurn(wait / 1000, None if patience < 0 else patience / 1000, why.decode() or _why(wait))

    def login_over(self, place: Place, login: str) -> None:
        """See `Breakers.login_over`. Raises `StoreUnavailable`."""
        self._run(place, "login_over", login)

    def forgo(self, place: Place) -> None:
        """See `Breakers.forgo`. Raises `StoreUnavailable`."""
        self._run(place, "forgo")

    def logged_in(self, place: Place) -> bool:
        """See `Breakers.logged_in`. Raises `StoreUnavailable`."""
        return bool(self._run(place, "logged_in"))

    def good(self, place: Place) -> bool:
        """See `Breakers.good`. Raises `StoreUnavailable`."""
        return bool(self._run(place, "good"))

    def bad(self, place: Place, about: About, rule: BreakerRule, why: str) -> float:
        """See `Breakers.bad`. Raises `StoreUnavailable`."""
        times = (ms(rule.first), ms(rule.longest), ms(rule.probe))
        opened = self._run(place, "bad", about, rule.consecutive, rule.share, rule.last, *times, why)
        return float(opened) / 1000

    def opened(self, place: Place) -> list[Opened]:
        """Its breakers that are open or half-open, for people to see. Raises `StoreUnavailable`."""
        return [Opened(_about(about), wait / 1000, why.decode()) for about, wait, why in self._run(place, "opened")]

    def _run(self, place: Place, verb: str, *arguments: Argument) -> Any:
        call = Call("breaker", self._keys.relay(place.relay), (verb, place.account or "", *arguments))
        return self._connection.run([call])[0]


def _about(told: bytes) -> About:
    return "account" if told == b"account" else "host"


def _why(wait: float) -> str:
    return "somebody else is trying the login" if wait else ""
