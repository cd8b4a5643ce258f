"""`RedisRates` and `RedisConnections`: limits that all replicas keep together. Times are of the server's clock.

Nothing is waited for on the disk: a limit that is forgotten costs a burst.
"""

from __future__ import annotations

from collections.abc import Sequence

from notifier.model.limits import LATER, PATIENCE, Connected, Rate, Word
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms
from notifier.store.round_trips import Argument

LEASE = 60.0  # seconds until a connection that nobody keeps is given up; its process was killed
RECOVER = 30.0  # seconds without a complaint after which a throttled relay is given one connection more
PAUSE = 5.0  # seconds in which several complaints are one
PATIENCE_IN_DOUBT, LATER_IN_DOUBT = 0.5, 5.0  # `PATIENCE` and `LATER` after a connection that failed
# Seconds, where mails are due and every slot is at work: they are held up as long. Twice what the relay took the last time, if
# that is more; not at all after one that failed.
HURRIED_PATIENCE = 0.1


class RedisRates:
    """`notifier.model.limits.Rates`, each call one atomic step. All durations are seconds."""

    def __init__(self, connection: LedgerConnection, keys: Keys, *, recover: float = RECOVER) -> None:
        self._connection = connection
        self._prefix = keys.limits
        self._recover = ms(recover)

    def take(self, wanted: Sequence[Sequence[Rate]]) -> list[float]:
        """See `Rates.take`. Raises `StoreUnavailable`."""
        return [wait / 1000 for wait in self._run("take", wanted)]

    def give_back(self, taken: Sequence[Sequence[Rate]]) -> None:
        """See `Rates.give_back`. Raises `StoreUnavailable`."""
        self._run("give back", taken)

    def slow_down(self, rates: Sequence[Rate]) -> None:
        """See `Rates.slow_down`. Raises `StoreUnavailable`."""
        names = [rate.key for rate in rates]
        if names:
            self._connection.run([Call("slow", self._prefix, (self._recover, ms(PAUSE), *names))])

    def _run(self, verb: str, mails: Sequence[Sequence[Rate]]) -> list[int]:
        buckets = list(dict.fromkeys(rate for rates in mails for rate in rates))
        if not buckets:
            return [0] * len(mails)
        number = {rate: place for place, rate in enumerate(buckets, start=1)}
        arguments: list[Argument] = [verb, self._recover, len(buckets)]
        for rate in buckets:
            arguments += [rate.key, 1000 / rate.per_second, rate.burst]
        for rates in mails:
            arguments += [len(rates), *(number[rate] for rate in rates)]
        (answer,) = self._connection.run([Call("rates", self._prefix, tuple(arguments))])
        return [int(wait) for wait in answer]


class RedisConnections:
    """`notifier.model.limits.Connections`. All durations are seconds."""

    def __init__(
        self, connection: LedgerConnection, keys: Keys, *, lease: float = LEASE, recover: float = RECOVER
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._lease = ms(lease)
        self._recover = ms(recover)

    def connect(self, relay: str, token: str, most: int | None, before: Sequence[Word] = ()) -> Connected:
        """See `Connections.connect`. Raises `StoreUnavailable`."""
        times = map(ms, (PATIENCE, LATER, PATIENCE_IN_DOUBT, LATER_IN_DOUBT, HURRIED_PATIENCE))
        queues = (self._keys.queues, *self._keys.around_a_queue)
        wanted = self._call(relay, "connect", token, self._lease, most or 0, self._recover, *times, *queues)
        *_, answer = self._connection.run([*self._calls(relay, before), wanted], in_order=True)
        wait, live, patience, doubted = map(int, answer)
        return Connected(wait / 1000, live, None if patience < 0 else patience / 1000, doubted=bool(doubted))

    def keep_turns(self, relay: str, tokens: Sequence[str]) -> None:
        """See `Connections.keep_turns`. Raises `StoreUnavailable`."""
        self._connection.run([self._call(relay, "turns", *tokens)])

    def say(self, relay: str, words: Sequence[Word]) -> None:
        """See `Connections.say`. Raises `StoreUnavailable`."""
        self._connection.run(self._calls(relay, words), in_order=True)

    def keep(self, relay: str, tokens: Sequence[str]) -> None:
        """See `Connections.keep`. Raises `StoreUnavailable`."""
        self._connection.run([self._call(relay, "keep", self._lease, *tokens)])

    def throttled(self, relay: str, *, greeting: bool) -> int:
        """See `Connections.throttled`. Raises `StoreUnavailable`."""
        (established,) = self._connection.run([self._call(relay, "throttled", int(greeting), ms(PAUSE))])
        return int(established)

    def _calls(self, relay: str, words: Sequence[Word]) -> list[Call]:
        return [self._call(relay, word.verb, word.token, self._lease) for word in words]

    def _call(self, relay: str, verb: str, *arguments: Argument) -> Call:
        return Call("connections", self._keys.relay(relay), (verb, *arguments))
