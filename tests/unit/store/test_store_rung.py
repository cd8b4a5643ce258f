"""A bell that rings in the step that stores its mail, where the broker's lists are on the ledger's server."""

from __future__ import annotations

import fakeredis
import pytest
from fake_ledger import Clock
from store_conformance import a_worker, an_email

from notifier.store import RedisStore


def message_of(queue: str, bell: str) -> tuple[str, str]:
    return f"list of {queue}", f"ring {bell}"


def test_its_message_is_in_the_list(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    assert store.add([an_email(), an_email()], message_of).rung == 1
    (message,) = server.lrange("list of mail", 0, -1)
    (bell,) = server.zrange("notifier:{mail}:rung", 0, -1)
    assert message == b"ring " + bell


def test_where_no_bell_is_wanted_there_is_no_message(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    store.add([an_email()], message_of)
    assert store.add([an_email()], message_of).rung == 0
    assert server.llen("list of mail") == 1


def test_a_mail_that_is_there_already_rings_nothing(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    store.add([first := an_email(idempotency_key="k")], message_of)
    server.delete("notifier:{mail}:rung", "list of mail")
    assert store.add([an_email(idempotency_key="k", context=first.context)], message_of).rung == 0
    assert server.llen("list of mail") == 0


def test_each_queue_has_its_own(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    assert store.add([an_email(), an_email(queue="mail.bulk")], message_of).rung == 2
    assert (server.llen("list of mail"), server.llen("list of mail.bulk")) == (1, 1)


def test_a_list_that_is_none_leaves_the_mail_stored_and_the_bell_to_the_publisher(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    server.set("list of mail", "somebody's")
    result = store.add([an_email()], message_of)
    assert (result.rung, len(result.bells["mail"])) == (0, 1)
    assert len(store.claim("mail", "worker-1", 5)) == 1


def test_a_bell_that_was_lost_in_a_queue_that_is_never_empty_is_rung_again(store: RedisStore, clock: Clock) -> None:
    """Another application's messages may be in it; or other bells, and then a slot of ours stands idle."""
    (lost,) = store.add([an_email()]).bells["mail"]
    waited = 0.0
    while not (bells := store.sweep("mail", broker_idle=False).bells):
        clock.now += 5
        waited += 5
        assert waited <= 120
    assert lost not in bells
    assert waited >= 60, "until then it waits its turn"
    clock.now += 30
    assert store.sweep("mail", broker_idle=False).bells == (), "one a minute, and not one a sweep"


@pytest.mark.long
def test_bells_that_wait_their_turn_are_left_alone(store: RedisStore, clock: Clock) -> None:
    store.register_worker(a_worker(slots=4), ttl=3600)
    store.add([an_email() for _ in range(400)])
    for _ in range(5):
        clock.now += 10
        assert store.sweep("mail", broker_idle=False).bells == ()
