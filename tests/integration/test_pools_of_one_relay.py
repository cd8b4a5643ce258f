"""Two accounts that use one relay in two ways have two pools; what the relay takes is counted for both together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from workers import plant

from notifier import send_email
from notifier.delivery.routing import Smarthost
from notifier.errors import PoolTimeout, RelayFull
from notifier.model.breaker import BreakerRules
from notifier.model.events import ignore
from notifier.pool import Relays
from notifier.settings.tenants import Account
from notifier.settings.ways import parse_way
from notifier.store import RedisStore
from notifier.tasks.runtime import runtime
from notifier.tasks.ways_out import WaysOut
from notifier.testing import CatchingServer, EmbeddedValkey


@pytest.fixture
def store(valkey_server: EmbeddedValkey) -> Iterator[RedisStore]:
    store = RedisStore(valkey_server.url)
    yield store
    store._connection.ask(("FLUSHALL",))
    store.close()


def soon() -> float:
    return time.monotonic() + 60


def relays_of(ways: WaysOut, account: str) -> Relays:
    found = ways.accounts[account].ways
    assert isinstance(found, Smarthost)
    return found.relays


def test_two_pools_of_a_relay_have_its_connections_together(store: RedisStore) -> None:
    with CatchingServer(starttls=False) as relay, ExitStack() as held:
        urls = {"ann": f"{relay.url}&connections=3&pool=4", "bob": f"{relay.url}&connections=3&pool=2"}
        accounts = {name: Account(parse_way(url)) for name, url in urls.items()}
        ways = WaysOut(accounts, rules=BreakerRules(), listener=ignore, store=store)
        held.callback(ways.close, 0.0)
        assert len(ways.pools) == 2
        for _ in range(3):
            held.enter_context(relays_of(ways, "ann").session(soon()))
        with pytest.raises(RelayFull, match="3 from all workers"), relays_of(ways, "bob").session(soon()):
            pass
        assert relay.connections == 3


def test_what_one_of_them_has_ended_is_not_counted_against_the_other(store: RedisStore) -> None:
    with CatchingServer(starttls=False) as relay, ExitStack() as held:
        once = f"{relay.url}&connections=1"
        accounts = {name: Account(parse_way(f"{once}&pool={size}")) for name, size in (("ann", 1), ("bob", 2))}
        ways = WaysOut(accounts, rules=BreakerRules(), listener=ignore, store=store)
        held.callback(ways.close, 0.0)
        for _ in range(50):
            for account in ("ann", "bob"):
                with relays_of(ways, account).session(soon()):
                    pass
                for pool in relays_of(ways, account).pools:
                    pool.drain()


def test_whoever_sends_at_once_waits_for_a_session_as_long_as_was_set(tmp_path: Path) -> None:
    with plant(tmp_path, NOTIFIER_SESSION_WAIT="0.05") as made:
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&pool=1")
        mine = runtime()
        (account,) = mine.inline_router.accounts.values()
        with account.ways.relays.session(soon()), pytest.raises(PoolTimeout, match="all 1 are in use"):
            send_email(template="welcome", to="zoe@example.com", context={"name": "Zoë"})
        send_email(template="welcome", to="zoe@example.com", context={"name": "Zoë"})
        assert len(made.server.mailbox) == 1
        assert (mine.inline_router.session_wait, mine._session_wait()) == (0.05, 0.05)
        del made.environ["NOTIFIER_SESSION_WAIT"]
        made.use()
        assert (runtime().inline_router.session_wait, runtime()._session_wait()) == (30.0, 10.0)
