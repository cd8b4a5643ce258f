from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from store_conformance import added, an_email, at_dot, claimed

from notifier.errors import StoreUnavailable
from notifier.model.email import Email
from notifier.model.mail_class import SHIPPED_CLASSES, Durability, MailClass
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


def waits_of_decisions(store: RedisStore, address: str, count: int) -> list[int]:
    """How often the disk was waited for: at another time, at the end of dead letters, and at a purge."""
    ids = added(store, *(an_email(address, send_at=time.time() + 3600) for _ in range(count)))
    fsyncs_asked_for(store)
    assert set(store.reschedule_each(ids, time.time())) == {MailState.WAITING}
    waits = [fsyncs_asked_for(store)]
    store.settle([Settlement(claim, MailState.FAILED) for claim in store.claim("mail", "worker-1", count)])
    fsyncs_asked_for(store)
    assert set(store.resolve_each(ids, MailState.DISCARDED, due_in=[0.0] * count)) == {MailState.DISCARDED}
    waits.append(fsyncs_asked_for(store))
    assert len(store.purge(address).purged) == count
    return [*waits, fsyncs_asked_for(store)]


def test_a_decision_on_many_mails_waits_for_the_disk_once(store: RedisStore) -> None:
    waits_of_decisions(store, "ann@example.com", 1)  # from now on the server has these scripts too
    assert waits_of_decisions(store, "bea@example.com", 50) == [1, 1, 1]


@pytest.mark.parametrize("durability", ["aof", "memory"])
def test_the_relaxed_durabilities_wait_for_no_disk(valkey: EmbeddedValkey, durability: str) -> None:
    store = RedisStore(valkey.url, durability=durability)
    fsyncs_asked_for(store)
    store.settle([Settlement(at_dot(store, an_email()), MailState.SENT)])
    assert fsyncs_asked_for(store) == 0
    store.close()


def classes_with(**durabilities: Durability) -> dict[str, MailClass]:
    own = {
        name: replace(SHIPPED_CLASSES[name], queue="mail", durability=wanted) for name, wanted in durabilities.items()
    }
    return {**SHIPPED_CLASSES, **own}


def waits_of_a_mails_way(store: RedisStore, *emails: Email) -> list[int]:
    """How often the disk was waited for: at the acceptance, the dot and the settlement of mails that go together."""
    fsyncs_asked_for(store)
    store.add(emails)
    waits = [fsyncs_asked_for(store)]
    claims = store.claim("mail", "worker-1", 10)
    store.begin_dot(claims)
    waits.append(fsyncs_asked_for(store))
    store.settle([Settlement(claim, MailState.SENT) for claim in claims])
    return [*waits, fsyncs_asked_for(store)]


@pytest.mark.parametrize(
    ("default", "wanted", "mails", "waits"),
    [
        ("fsync", Durability.AOF, ["bulk"], 0),
        ("fsync", Durability.MEMORY, ["bulk", "bulk"], 0),
        ("fsync", Durability.AOF, ["bulk", "transactional"], 1),  # the strictest of a batch, and once
        ("fsync", Durability.AOF, ["transactional"], 1),
        ("aof", Durability.FSYNC, ["bulk"], 1),
        ("aof", Durability.FSYNC, ["transactional"], 0),
        ("memory", Durability.FSYNC, ["transactional", "bulk", "transactional"], 1),
    ],
)
def test_a_class_has_its_own_durability_and_of_those_that_go_together_the_strictest_counts(
    valkey: EmbeddedValkey, default: str, wanted: Durability, mails: list[str], waits: int
) -> None:
    store = RedisStore(valkey.url, durability=default, classes=classes_with(bulk=wanted))
    waits_of_a_mails_way(store, an_email(mail_class="transactional"), an_email(mail_class="bulk"))  # scripts are there
    emails = [an_email(mail_class=name) for name in mails]
    assert waits_of_a_mails_way(store, *emails) == [waits] * 3
    store.close()


def test_a_step_of_which_the_class_is_not_known_waits_where_some_mail_may_want_it(valkey: EmbeddedValkey) -> None:
    store = RedisStore(valkey.url, durability="aof", classes=classes_with(bulk=Durability.FSYNC))
    store.sweep("mail")
    fsyncs_asked_for(store)
    store.sweep("mail")
    assert fsyncs_asked_for(store) == 1
    store.close()


def test_a_class_that_this_process_does_not_know_is_as_durable_as_the_store(valkey: EmbeddedValkey) -> None:
    writer = RedisStore(valkey.url, classes={**SHIPPED_CLASSES, "new": replace(SHIPPED_CLASSES["bulk"], name="new")})
    writer.add([an_email(mail_class="new")])
    reader = RedisStore(valkey.url, classes=classes_with(bulk=Durability.AOF))
    claims = reader.claim("mail", "worker-1", 1)
    fsyncs_asked_for(reader)
    reader.begin_dot(claims)
    assert fsyncs_asked_for(reader) >= 1
    writer.close()
    reader.close()


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
