"""What waits in a real broker, as the sweeper asks at each sweep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from notifier.tasks.app import app
from notifier.tasks.broker_seen import broker_seen
from notifier.tasks.depths import Depths
from notifier.testing import EmbeddedValkey

pytestmark = pytest.mark.long


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedValkey]:
    """The broker."""
    monkeypatch.setattr(broker_seen, "_missed_at", None)
    with EmbeddedValkey() as server:
        monkeypatch.setitem(app.conf.maps[0], "broker_read_url", server.url)
        yield server


@pytest.fixture
def client(valkey: EmbeddedValkey) -> Iterator[Any]:
    with redis.Redis.from_url(valkey.url) as opened:
        yield opened


def connections(client: Any) -> int:
    """That were ever opened."""
    return int(client.info("stats")["total_connections_received"])


def test_what_waits_in_a_queue_is_counted(client: Any) -> None:
    client.lpush("mail", "one", "two")
    assert Depths().of("mail") == 2


def test_nothing_waits_in_a_queue_that_is_not_there(client: Any) -> None:
    del client
    assert Depths().of("mail") == 0
    assert not broker_seen.away


def test_one_connection_does_for_all_sweeps(client: Any) -> None:
    depths = Depths()
    depths.of("mail")
    before = connections(client)
    assert [depths.of(queue) for queue in ("mail", "mail.bulk") * 3] == [0] * 6
    assert connections(client) == before


def test_a_broker_that_has_ended_idle_connections_has_answered(client: Any) -> None:
    depths = Depths()
    depths.of("mail")
    client.client_kill_filter(_type="normal", skipme=True)
    client.lpush("mail", "one")
    assert depths.of("mail") == 1
    assert not broker_seen.away


def test_a_broker_that_is_away_is_seen_to_be_and_found_again(valkey: EmbeddedValkey, client: Any) -> None:
    depths = Depths()
    client.lpush("mail", "one")
    depths.of("mail")
    valkey.kill()
    assert (depths.of("mail"), broker_seen.away) == (0, True)
    valkey.start()
    assert (depths.of("mail"), broker_seen.away) == (1, False)


def test_another_broker_is_asked_when_the_configuration_names_another(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    depths = Depths()
    client.lpush("mail", "one")
    depths.of("mail")
    with EmbeddedValkey() as other:
        monkeypatch.setitem(app.conf.maps[0], "broker_read_url", other.url)
        assert depths.of("mail") == 0
