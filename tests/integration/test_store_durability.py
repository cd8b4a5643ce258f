from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from store_conformance import added, an_email, at_dot, claimed

from notifier.errors import StoreUnavailable
from notifier.model.email import Email
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Claim, Settlement
from notifier.testing import EmbeddedValkey


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def store(valkey: EmbeddedValkey) -> Iterator[RedisStore]:
    store = RedisStore(valkey.url)
    store.settle([Settlement(at_dot(store, an_email()), MailState.SENT)])  # from now on the server has the scripts
    yield store
    store.close()


def fsyncs_asked_for(store: RedisStore) -> int:
    """WAITAOFs since this was asked last."""
    stats, _ = store._connection.ask(("INFO", "commandstats"), ("CONFIG RESETSTAT",))
    return int(stats.get("cmdstat_waitaof", {}).get("calls", 0))


def test_accepting_the_dot_and_the_settlement_are_on_disk_before_the_next_step(store: RedisStore) -> None:
    fsyncs_asked_for(store)
    store.add([an_email() for _ in range(20)])
    assert fsyncs_asked_for(store) == 1
    claims = store.claim("mail", "worker-1", 20)
    assert fsyncs_asked_for(store) == 0
    store.begin_dot(claims)
    assert fsyncs_asked_for(store) == 1
    store.settle([Settlement(claim, MailState.SENT) for claim in claims])
    assert fsyncs_asked_for(store) == 1


@pytest.mark.parametrize("durability", ["aof", "memory"])
def test_the_relaxed_durabilities_wait_for_no_disk(valkey: EmbeddedValkey, durability: str) -> None:
    store = RedisStore(valkey.url, durability=durability)
    fsyncs_asked_for(store)
    store.settle([Settlement(at_dot(store, an_email()), MailState.SENT)])
    assert fsyncs_asked_for(store) == 0
    store.close()


def test_what_was_said_to_be_stored_survives_the_kill_of_the_server(valkey: EmbeddedValkey) -> None:
    store = RedisStore(valkey.url)
    emails = [an_email(idempotency_key=f"key-{number}") for number in range(50)]
    for email in emails:
        store.add([email])
    epoch = store.epoch()
    valkey.kill()
    valkey.start()
    assert {claim.mail_id for claim in store.claim("mail", "worker-1", 100)} == {email.id for email in emails}
    assert store.epoch() == epoch
    store.close()


STEPS: dict[str, Callable[[RedisStore, Email, Claim, Claim], object]] = {
    "add": lambda store, email, claim, held: store.add([email]),
    "begin_dot": lambda store, email, claim, held: store.begin_dot([claim]),
    "settle": lambda store, email, claim, held: store.settle([Settlement(held, MailState.SENT)]),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_not_on_disk_in_time_is_no_success_and_neither_is_asking_again_elsewhere(
    store: RedisStore, valkey: EmbeddedValkey, step: str
) -> None:
    email, claim, held = an_email(), claimed(store, an_email()), at_dot(store, an_email())
    store._connection.ask(("CONFIG SET", "appendfsync", "no"))
    # The second has written nothing, so that nothing of its own is on its way to the disk.
    for asked in (RedisStore(valkey.url, timeout=1.0), RedisStore(valkey.url, timeout=1.0)):
        with pytest.raises(StoreUnavailable, match="did not write to its disk"):
            STEPS[step](asked, email, claim, held)
        asked.close()


def test_a_server_without_append_only_file_is_used_with_a_notice(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    store = RedisStore(valkey.url)
    store._connection.ask(("CONFIG SET", "appendonly", "no"))
    added(store)
    (notice,) = [record for record in caplog.records if record.name.startswith("notifier.store")]
    assert "appendonly yes" in notice.getMessage()
    store.close()
