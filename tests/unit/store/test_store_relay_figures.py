"""What is counted of relays and rates, for people."""

from __future__ import annotations

from fake_ledger import Clock

from notifier.model.limits import Rate, Word
from notifier.store import RedisStore
from notifier.store.limits import LEASE, RECOVER
from notifier.store.relay_figures import RelayConnections


def test_connections_are_those_that_live(store: RedisStore, clock: Clock) -> None:
    assert store.relay_figures.connections("mail:25") == RelayConnections(0, None, {})
    for token in ("a host:1", "b host:1", "c host:2", "d"):
        store.connections.connect("mail:25", token, None)
        store.connections.say("mail:25", [Word("established", token)])
    assert store.relay_figures.connections("mail:25") == RelayConnections(4, None, {"host:1": 2, "host:2": 1, "": 1})
    clock.now += LEASE + 1
    assert store.relay_figures.connections("mail:25").live == 0


def test_what_is_told_of_a_throttled_relay_is_what_holds(store: RedisStore, clock: Clock) -> None:
    for token in "abcd":
        store.connections.connect("mail:25", token, None)
        store.connections.say("mail:25", [Word("established", token)])
    store.connections.throttled("mail:25", greeting=False)
    assert store.relay_figures.connections("mail:25").allowed == 2
    assert store.connections.connect("mail:25", "e", None).wait > 0
    clock.now += RECOVER
    assert store.relay_figures.connections("mail:25").allowed == 3
    clock.now += 10 * RECOVER
    assert store.relay_figures.connections("mail:25").allowed is None


def test_what_is_left_of_a_rate_grows_back(store: RedisStore, clock: Clock) -> None:
    rate = Rate("domain example.com", 10)
    assert store.relay_figures.share(rate.key) == 1.0
    store.rates.slow_down([rate])
    assert store.relay_figures.share(rate.key) == 0.5
    clock.now += 2 * RECOVER
    assert store.relay_figures.share(rate.key) == 0.7
