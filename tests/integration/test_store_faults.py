from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator

import pytest
from real_servers.ground import held_ports
from store_conformance import a_worker, added, an_email, at_dot, claimed, state_of

from notifier.errors import StoreUnavailable
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement
from notifier.testing import EmbeddedValkey

# A call that hangs meets the timeout of the test long before that of the whole run.
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def store(valkey: EmbeddedValkey) -> Iterator[RedisStore]:
    store = RedisStore(valkey.url)
    yield store
    store.close()


def tell(store: RedisStore, *command: str | int) -> None:
    store._connection.ask(command)


def test_a_store_that_does_not_run_is_unavailable_and_the_error_names_it() -> None:
    with held_ports(1) as (port,):
        store = RedisStore(f"redis://user:s3cret@127.0.0.1:{port}/0", timeout=1.0)
        with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port}") as caught:
            store.add([an_email()])
        assert "s3cret" not in str(caught.value)
        store.close()


def test_a_host_that_accepts_and_says_nothing_is_unavailable_within_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        store = RedisStore(f"redis://127.0.0.1:{listener.getsockname()[1]}", timeout=0.2)
        with pytest.raises(StoreUnavailable, match="did not answer in time"):
            store.claim("mail", "worker-1", 10)
        store.close()


def test_a_frozen_store_is_unavailable_and_the_same_call_again_makes_one_mail(valkey: EmbeddedValkey) -> None:
    store = RedisStore(valkey.url, timeout=1.0)
    store.epoch()
    email = an_email()
    valkey.signal(signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable):
            store.add([email])
    finally:
        valkey.signal(signal.SIGCONT)
    store.add([email])
    assert len(store.claim("mail", "worker-1", 10)) == 1
    store.close()


def test_a_store_that_was_started_again_is_used_again(store: RedisStore, valkey: EmbeddedValkey) -> None:
    claim = at_dot(store, an_email())
    valkey.kill()
    with pytest.raises(StoreUnavailable):
        store.settle([Settlement(claim, MailState.SENT)])
    valkey.start()
    store.settle([Settlement(claim, MailState.SENT)])
    assert state_of(store, claim.mail_id) is MailState.SENT


def test_connections_that_the_server_closed_are_replaced(store: RedisStore) -> None:
    (mail_id,) = added(store)
    other = RedisStore(store._connection.url.secret.reveal())
    tell(other, "CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")
    other.close()
    assert store.status(mail_id) is not None


def test_scripts_that_the_server_forgot_are_loaded_again(store: RedisStore) -> None:
    claim = claimed(store, an_email())
    tell(store, "SCRIPT FLUSH")
    store.begin_dot([claim])
    assert state_of(store, claim.mail_id) is MailState.AT_DOT


def test_a_full_store_refuses_new_mail_and_delivers_what_it_has(store: RedisStore) -> None:
    added(store)
    tell(store, "CONFIG SET", "maxmemory", 1)
    with pytest.raises(StoreUnavailable, match="is full"):
        store.add([an_email()])
    with pytest.raises(StoreUnavailable, match="is full"):
        store.add([an_email(idempotency_key="k")])
    store.register_worker(a_worker(), ttl=60)
    store.settle([Settlement(at_dot(store), MailState.SENT, composed=b"octets", reply="250 OK")])
    assert store.sweep("mail").due == 0
    assert store.counts("mail")[MailState.SENT] == 1


def test_a_replica_is_not_mistaken_for_the_store(store: RedisStore) -> None:
    tell(store, "REPLICAOF", "127.0.0.1", 1)
    with pytest.raises(StoreUnavailable, match="set NOTIFIER_STORE_URL to the primary"):
        store.add([an_email()])


def test_a_wrong_password_is_said_and_not_shown(store: RedisStore, valkey: EmbeddedValkey) -> None:
    tell(store, "CONFIG SET", "requirepass", "right-one")
    stranger = RedisStore(valkey.url.replace("://", "://:wrong-one@"))
    with pytest.raises(StoreUnavailable, match="refused the user or password") as caught:
        stranger.add([an_email()])
    assert "wrong-one" not in str(caught.value)
    stranger.close()
    friend = RedisStore(valkey.url.replace("://", "://:right-one@"))
    added(friend)
    friend.close()


def test_a_user_without_rights_is_told_what_is_missing(store: RedisStore, valkey: EmbeddedValkey) -> None:
    tell(store, "ACL SETUSER", "reader", "on", ">pw", "~*", "+@read", "+@connection", "+info")
    reader = RedisStore(valkey.url.replace("://", "://reader:pw@"))
    with pytest.raises(StoreUnavailable, match="ACL"):
        reader.add([an_email()])
    assert any("by hand" in sentence for sentence in reader.check())
    reader.close()


def test_the_embedded_server_needs_no_advice(store: RedisStore) -> None:
    assert store.check() == []


def test_advice_follows_the_settings_of_the_server(store: RedisStore) -> None:
    tell(store, "CONFIG SET", "appendonly", "no", "maxmemory-policy", "allkeys-lru")
    advice = " ".join(store.check())
    assert "set appendonly yes" in advice
    assert "set noeviction" in advice


def test_a_forked_child_has_connections_of_its_own(store: RedisStore) -> None:
    (before,) = added(store)
    from_child = an_email()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.add([from_child])
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert {claim.mail_id for claim in store.claim("mail", "worker-1", 10)} == {before, from_child.id}
