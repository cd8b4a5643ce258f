"""Looking through the records, a piece at a time."""

from __future__ import annotations

import fakeredis
import pytest
from store_conformance import added, an_email, at_dot

from notifier.model.state import MailState
from notifier.store import RedisStore, searching
from notifier.store.base import MailStatus, Settlement
from notifier.store.searching import BEGIN


def anything(mail: MailStatus) -> bool:
    return bool(mail.mail_id)


def test_waiting_and_ended_mails_are_seen_and_nothing_else(store: RedisStore) -> None:
    store.settle([Settlement(at_dot(store, an_email()), MailState.SENT)])
    (waiting,) = added(store, an_email("ann@example.com", queue="mail.bulk"))
    store.suppress("mail:x@example.com", "odd names do no harm")
    piece = store.look_through(anything)
    assert {mail.state for mail in piece.found} == {MailState.WAITING, MailState.SENT}
    assert (len(piece.found), piece.looked_at, piece.rest) == (2, 2, None)
    assert [mail.mail_id for mail in store.look_through(lambda mail: "ann@example.com" in mail.recipients).found] == [
        waiting
    ]


def test_pieces_together_show_every_mail_once(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PAGE", 10)
    ids = set(added(store, *(an_email(f"u{number}@example.com") for number in range(60))))
    seen: list[str] = []
    rest: str | None = BEGIN
    pieces = 0
    while rest is not None:
        piece = store.look_through(anything, begin=rest, most=20)
        seen += [mail.mail_id for mail in piece.found]
        rest, pieces = piece.rest, pieces + 1
    assert set(seen) == ids
    assert pieces > 1


@pytest.mark.parametrize("bound", [{"wanted": 5}, {"most": 5}, {"seconds": 0.0}])
def test_each_bound_ends_a_piece_and_says_where(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch, bound: dict[str, float]
) -> None:
    monkeypatch.setattr(searching, "PAGE", 10)
    added(store, *(an_email() for _ in range(60)))
    piece = store.look_through(anything, **bound)  # type: ignore[arg-type]  # counts are numbers too
    assert piece.rest is not None
    assert 0 < piece.looked_at < 60


def test_another_ledger_on_the_same_server_is_not_seen(make_store: object) -> None:
    make = make_store
    assert callable(make)
    mine, other = make(), make(namespace="other")
    added(other, an_email())
    assert mine.look_through(anything).looked_at == 0


def test_a_key_leads_to_its_mail(store: RedisStore) -> None:
    (mail_id,) = added(store, an_email(idempotency_key="welcome-42"))
    assert store.holder("welcome-42") == mail_id
    assert store.holder("welcome-43") is None
    assert store.holder("\ud800") is None


def test_a_record_that_cannot_be_read_is_seen_among_the_dead_and_hides_no_other(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    broken, whole = added(store, an_email(), an_email())
    server.hset(f"notifier:{{mail}}:mail:{broken}", "recipients", "{")
    store.claim("mail", "worker-1", 10)
    (dead,) = store.list_mails("mail", MailState.QUARANTINED)
    assert (dead.mail_id, dict(dead.recipients)) == (broken, {})
    assert {mail.mail_id for mail in store.look_through(anything).found} == {broken, whole}


def test_what_a_mail_says_is_there_until_it_has_ended(store: RedisStore) -> None:
    email = an_email()
    store.add([email])
    found = store.email(email.id)
    assert found is not None
    assert found.context == email.context
    store.settle([Settlement(at_dot(store), MailState.SENT)])
    assert store.email(email.id) is None
