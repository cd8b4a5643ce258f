from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from notifier.delivery.routing import Smarthost
from notifier.errors import PoolClosed
from notifier.model.breaker import BreakerRules
from notifier.model.events import Event, SessionRetired, ignore
from notifier.pool import SessionPool
from notifier.settings.tenants import Account
from notifier.settings.ways import parse_way
from notifier.tasks.ways_out import WaysOut
from notifier.testing import CatchingServer

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


def login(server: CatchingServer, password: str) -> Mapping[str, Account]:
    return accounts(ann=server.url.replace("://", f"://zoe:{password}@", 1))


def soon() -> float:
    return time.monotonic() + 30.0


def test_another_password_ends_the_sessions_that_logged_in_with_the_old_one() -> None:
    """Parked ones at once, and those that are lent when they come back: whose mail is on its way is not cut off."""
    told: list[Event] = []
    with CatchingServer(credentials={"zoe": "old"}) as server:
        ways = WaysOut(login(server, "old"), rules=BreakerRules(), listener=told.append)
        (old,) = ways.pools
        with old.session(soon()) as lent:
            with old.session(soon()):
                pass
            server.use_credentials({"zoe": "new"})
            ways.replace(login(server, "new"))
            assert ends_of(told) == [(2, "closed")]
            assert lent.is_alive()
            with pools_of(ways, "ann")[0].session(soon()):
                assert server.visits.now == 2, "the new one knows the new password"
        assert ends_of(told) == [(2, "closed"), (1, "closed")]
        with pytest.raises(PoolClosed), old.session(soon()):
            pass
        assert old not in ways.pools
        ways.close(0.0)
    assert [visit.said_quit for visit in server.visits] == [True, True, True]


def ends_of(told: list[Event]) -> list[tuple[int, str]]:
    return [(event.session, event.reason) for event in told if isinstance(event, SessionRetired)]


@pytest.mark.parametrize(
    "other",
    [
        "smtp://zoe:another@relay.example", "smtp://bob:secret@relay.example", f"{RELAY}:2525", f"{RELAY}?ehlo=me.example",
        f"{RELAY}?source=192.0.2.1", f"{RELAY}?proxy=socks5://gate.example", f"{RELAY}?pin=sha256/{'A' * 43}=",
        "smtp://zoe:secret@other.example", "smtps://zoe:secret@relay.example",
        f"{RELAY}?mechanisms=PLAIN", f"{RELAY}?pool=9", f"{RELAY}?max_age=9", f"{RELAY}?timeout_mail=9", f"{RELAY}?reply_lines=9",
    ],
)  # fmt: skip
def test_sessions_that_differ_in_anything_are_not_shared(other: str) -> None:
    ways = ways_out(ann=RELAY, bob=other)
    assert len(ways.pools) == 2
    assert pools_of(ways, "ann") != pools_of(ways, "bob")


@pytest.mark.parametrize("policy", ["none", "opportunistic"])
def test_nor_those_of_another_tls_policy(policy: str) -> None:
    ways = ways_out(ann="smtp://relay.example", bob=f"smtp://relay.example?tls={policy}")
    assert pools_of(ways, "ann") != pools_of(ways, "bob")


@pytest.mark.parametrize("option", ["ca", "cert", "key"])
def test_nor_those_that_trust_another_authority_or_show_another_certificate(option: str, tmp_path: Path) -> None:
    urls = []
    for name in ("ann", "bob"):
        for file in (tmp_path / name, tmp_path / "cert"):
            file.touch()
        urls.append(f"{RELAY}?{option}={tmp_path / name}" + (f"&cert={tmp_path / 'cert'}" if option == "key" else ""))
    ann, bob = urls
    ways = ways_out(ann=ann, bob=bob)
    assert pools_of(ways, "ann") != pools_of(ways, "bob")


def test_the_column_of_the_one_table() -> None:
    """What a relay has whose URL says nothing of it; `test_mx_relays.py` has the other column."""
    (pool,) = ways_out(ann=RELAY).pools
    assert (pool.config.max_idle, pool.config.max_age, pool.config.messages_per_connection) == (15.0, 300.0, 100)
    timeouts, caps = pool.endpoint.timeouts, pool.endpoint.reply_caps
    assert (timeouts.connect, timeouts.greeting, timeouts.ehlo) == (10.0, 30.0, 30.0)
    assert (timeouts.starttls, timeouts.auth) == (20.0, 30.0)
    assert (timeouts.mail, timeouts.rcpt, timeouts.data, timeouts.body_block) == (60.0, 60.0, 60.0, 60.0)
    assert (timeouts.final_reply, timeouts.rset, timeouts.quit) == (600.0, 5.0, 2.0)
    assert (caps.line, caps.octets, caps.lines) == (8 * 1024, 64 * 1024, 128)
