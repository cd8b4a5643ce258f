from __future__ import annotations

from collections.abc import Mapping

import pytest

from notifier.delivery.routing import Smarthost
from notifier.model.breaker import BreakerRules
from notifier.model.events import ignore
from notifier.pool import SessionPool
from notifier.settings.tenants import Account
from notifier.settings.ways import parse_way
from notifier.tasks.ways_out import WaysOut

RELAY = "smtp://zoe:secret@relay.example"


def accounts(**urls: str) -> Mapping[str, Account]:
    return {name: Account(parse_way(url)) for name, url in urls.items()}


def ways_out(**urls: str) -> WaysOut:
    return WaysOut(accounts(**urls), rules=BreakerRules(), listener=ignore)


def pools_of(ways: WaysOut, account: str) -> tuple[SessionPool, ...]:
    found = ways.accounts[account].ways
    assert isinstance(found, Smarthost)
    return found.relays.pools


def test_two_accounts_with_one_login_share_its_sessions() -> None:
    """Whoever lets two tenants use one login lets them share it; a session carries one transaction after the other."""
    ways = ways_out(ann=RELAY, bob=RELAY)
    assert pools_of(ways, "ann") == pools_of(ways, "bob")
    assert len(ways.pools) == 1


def test_a_relays_weight_makes_no_pool_of_its_own() -> None:
    """It says how mails are divided; the connections that a relay is given are the same, and so is the bound on them."""
    ways = ways_out(ann=RELAY, bob=f"{RELAY}?weight=3,smtp://other.example")
    assert pools_of(ways, "ann")[0] is pools_of(ways, "bob")[0]
    assert len(ways.pools) == 2


def test_another_weight_leaves_the_sessions_as_they_are() -> None:
    ways = ways_out(ann=f"{RELAY}?weight=3,smtp://other.example")
    before = ways.pools
    ways.replace(accounts(ann=f"{RELAY}?weight=1,smtp://other.example"))
    assert ways.pools == before


@pytest.mark.parametrize(
    "other",
    [
        "smtp://zoe:another@relay.example", "smtp://bob:secret@relay.example", f"{RELAY}:2525", f"{RELAY}?ehlo=me.example",
        f"{RELAY}?source=192.0.2.1", f"{RELAY}?proxy=socks5://gate.example", f"{RELAY}?pin=sha256/{'A' * 43}=",
        f"{RELAY}?pool=9", f"{RELAY}?max_age=9", f"{RELAY}?timeout_mail=9", f"{RELAY}?reply_lines=9",
    ],
)  # fmt: skip
def test_sessions_that_differ_in_anything_are_not_shared(other: str) -> None:
    ways = ways_out(ann=RELAY, bob=other)
    assert len(ways.pools) == 2
    assert pools_of(ways, "ann") != pools_of(ways, "bob")
