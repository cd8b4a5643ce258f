from __future__ import annotations

import fakeredis
import pytest
from store_conformance import added, an_email

from notifier.errors import IdempotencyConflict
from notifier.model.email import Email
from notifier.store import RedisStore
from notifier.store.reservations import under_their_keys


def reserve(store: RedisStore, *emails: Email) -> None:
    """What a caller does that dies before it adds."""
    hashes = [email.body_hash for email in emails]
    under_their_keys(emails, hashes, connection=store._connection, keys=store._keys, window=60.0)


def reservations(server: fakeredis.FakeRedis) -> list[bytes]:
    return list(server.scan_iter("notifier:{k:*"))


def test_a_key_without_a_mail_is_healed_by_the_next_call_under_the_same_id(store: RedisStore) -> None:
    first, again = an_email(idempotency_key="k"), an_email(idempotency_key="k")
    reserve(store, first)
    (answer,) = store.add([again]).added
    assert (answer.mail_id, answer.existing) == (first.id, False)
    (claim,) = store.claim("mail", "worker-1", 10)
    assert claim.email == again.with_id(first.id)


def test_two_callers_between_key_and_mail_make_one_mail(store: RedisStore) -> None:
    first, second = an_email(idempotency_key="k"), an_email(idempotency_key="k")
    reserve(store, first)
    reserve(store, second)
    assert added(store, second) == added(store, first) == [first.id]
    assert len(store.claim("mail", "worker-1", 10)) == 1


def test_a_conflict_in_a_batch_is_found_before_anything_is_added(store: RedisStore) -> None:
    added(store, an_email(idempotency_key="taken"))
    with pytest.raises(IdempotencyConflict, match="taken"):
        store.add([an_email(), an_email(idempotency_key="taken", template="invoice"), an_email()])
    assert len(store.claim("mail", "worker-1", 10)) == 1


def test_a_derived_key_needs_no_reservation(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    added(store, an_email())
    assert reservations(server) == []


def test_a_reservation_lasts_for_the_window_and_shows_no_key(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    added(store, an_email(idempotency_key="reset-for-zoe@example.com"))
    (key,) = reservations(server)
    assert b"zoe" not in key + server.get(key)
    assert server.pttl(key) == pytest.approx(86_400_000, abs=60_000)


def test_the_window_is_a_setting(make_store: object, server: fakeredis.FakeRedis) -> None:
    added(make_store(idempotency_window=60.0), an_email(idempotency_key="k"))  # type: ignore[operator]
    (key,) = reservations(server)
    assert server.pttl(key) <= 60_000
