from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fakeredis
import pytest
from fake_ledger import Clock
from store_conformance import added, an_email, at_dot, claimed, history_of

from notifier.errors import StoreUnavailable
from notifier.model.address import Address
from notifier.model.email import AttachmentRef, MessageRef
from notifier.model.mail_class import SHIPPED_CLASSES
from notifier.model.octets import Streamed, whole
from notifier.model.state import MailState
from notifier.store import RedisStore, blob_name, contents
from notifier.store.base import Settlement
from notifier.store.blobs import InDirectory, InRedis
from notifier.store.blobs.outsourced import LARGE
from notifier.store.blobs.place import TURNS

DAY = 86_400.0
LONG = {"text": "ü" * LARGE}
MESSAGE = b"Subject: x\r\n\r\n" + b"y" * LARGE
MakeStore = Callable[..., RedisStore]


def attached(store: RedisStore, data: bytes = b"%PDF") -> tuple[AttachmentRef, ...]:
    return (AttachmentRef("a.pdf", "application/pdf", store.put_blob(data), len(data)),)


def references(server: fakeredis.FakeRedis, queue: str = "mail") -> dict[str, int]:
    counted = server.hgetall(f"notifier:{{{queue}}}:refs")
    return {name.decode(): int(count) for name, count in counted.items()}


def collected(store: RedisStore) -> int:
    return sum(store.collect_blobs() for _ in range(TURNS))


def test_each_mail_has_a_reference_to_each_of_its_attachments(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    files = attached(store)
    twice = an_email(attachments=files * 2)
    added(store, twice, an_email(attachments=files), an_email(attachments=files, queue="mail.bulk"))
    added(store, twice)  # said again
    assert references(server) == {files[0].blob: 2}
    assert references(server, "mail.bulk") == {files[0].blob: 1}


def test_an_attachment_is_kept_until_the_last_mail_has_ended_and_its_retention_is_over(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock
) -> None:
    files = attached(store)
    for days in (0, 1):
        clock.now += days * DAY
        store.settle([Settlement(at_dot(store, an_email(attachments=files)), MailState.SENT)])
    for days, left in ((0.0, 2), (6.5, 1), (1.0, 0)):
        clock.now += days * DAY
        store.sweep("mail")
        assert references(server).get(files[0].blob, 0) == left
        assert collected(store) == (0 if left else 1)


def test_a_class_can_keep_its_ended_mails_for_another_time(
    make_store: MakeStore, server: fakeredis.FakeRedis, clock: Clock
) -> None:
    store = make_store(classes={"otp": replace(SHIPPED_CLASSES["otp"], retention=2 * DAY)})
    email = an_email(attachments=attached(store), mail_class="otp")
    store.settle([Settlement(at_dot(store, email), MailState.SENT)])
    assert server.pttl(f"notifier:{{mail}}:ended:{email.id}") == pytest.approx(2 * DAY * 1000, abs=60_000)
    clock.now += 2 * DAY + 1
    store.sweep("mail")
    assert references(server) == {}


@pytest.mark.parametrize("state", [MailState.FAILED, MailState.EXPIRED, MailState.QUARANTINED])
def test_a_dead_letter_keeps_what_it_needs_to_be_sent_again(store: RedisStore, clock: Clock, state: MailState) -> None:
    email = an_email(attachments=attached(store), context=LONG)
    store.settle([Settlement(claimed(store, email), state, composed=MESSAGE)])
    clock.now += 400 * DAY
    store.sweep("mail")
    assert collected(store) == 0
    store.resolve(email.id, MailState.WAITING)
    again = claimed(store)
    assert (again.email, again.composed) == (email, MESSAGE)
    assert store.get_blob(email.attachments[0].blob) == b"%PDF"


def test_what_is_long_stands_in_a_blob_and_what_is_short_in_the_record(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    long, short = an_email(context=LONG), an_email()
    added(store, long, short)
    assert server.hstrlen(f"notifier:{{mail}}:mail:{long.id}", "payload") < 200
    assert b"secret" in server.hget(f"notifier:{{mail}}:mail:{short.id}", "payload")
    found = {claim.mail_id: claim.email for claim in store.claim("mail", "worker-1", 2)}
    assert found == {long.id: long, short.id: short}


def test_a_long_message_is_the_same_at_the_next_attempt(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    claim = claimed(store, an_email())
    store.settle([Settlement(claim, MailState.WAITING, composed=MESSAGE)])
    assert not server.exists(f"notifier:{{mail}}:composed:{claim.mail_id}")
    assert claimed(store).composed == MESSAGE


@pytest.mark.parametrize("octets", [MESSAGE + b"\r\n", MESSAGE, MESSAGE + b"\xff\r\n", MESSAGE + b"\n"])
def test_a_message_that_is_too_big_for_memory_is_the_same_at_the_next_attempt(
    make_store: MakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: bytes
) -> None:
    monkeypatch.setattr(contents, "STREAMED", LARGE)
    store = make_store(blobs=InDirectory(tmp_path))
    store.settle([Settlement(claimed(store, an_email()), MailState.WAITING, composed=Streamed([octets]))])
    again = claimed(store).composed
    assert again is not None
    assert whole(again) == octets
    # What is no lines cannot be sent in pieces.
    assert isinstance(again, Streamed) == (not octets.endswith(b"y\n"))
    assert (again.isascii(), again.endswith(b"\r\n")) == (octets.isascii(), octets.endswith(b"\r\n"))


def test_a_big_message_without_room_is_composed_anew(make_store: MakeStore) -> None:
    store = make_store(blobs=InRedis(0))
    store.settle([Settlement(claimed(store, an_email()), MailState.WAITING, composed=Streamed([MESSAGE + b"\r\n"]))])
    assert claimed(store).composed is None


def test_payload_and_message_of_a_mail_that_has_ended_are_needed_no_more(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock
) -> None:
    store.settle([Settlement(at_dot(store, an_email(context=LONG)), MailState.WAITING, composed=MESSAGE)])
    assert len(references(server)) == 2
    store.settle([Settlement(at_dot(store), MailState.SENT)])
    assert references(server) == {}
    clock.now += 3601
    assert collected(store) == 2


def test_a_settlement_does_not_fail_for_want_of_room(make_store: MakeStore) -> None:
    store = make_store(blobs=InRedis(cap=10))
    store.settle([Settlement(claimed(store, an_email()), MailState.WAITING, composed=MESSAGE)])
    assert claimed(store).composed == MESSAGE


def test_a_blob_over_the_cap_is_refused_with_what_to_do(make_store: MakeStore, clock: Clock) -> None:
    store = make_store(blobs=InRedis(cap=10))
    store.put_blob(b"12345678")
    store.put_blob(b"12345678")
    with pytest.raises(StoreUnavailable, match="NOTIFIER_BLOBS"):
        store.put_blob(b"abc")
    clock.now += 3601
    assert collected(store) == 1
    store.put_blob(b"abcdefghij")


def test_a_mail_whose_payload_is_in_a_directory_that_is_not_shared_waits_and_says_so(
    make_store: MakeStore, tmp_path: Path, clock: Clock
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    here, there = make_store(blobs=InDirectory(ours)), make_store(blobs=InDirectory(theirs))
    email, other = an_email(context=LONG), an_email()
    added(here, email, other)
    assert [claim.mail_id for claim in there.claim("mail", "worker-2", 2)] == [other.id]
    status = there.status(email.id)
    assert status is not None
    assert (status.state, status.attempt, history_of(there, email.id)) == (MailState.WAITING, 0, ["waiting"])
    assert str(theirs) in status.history[-1]["why"]
    clock.now += 61
    assert claimed(here).email == email


def test_what_was_stored_before_the_setting_was_changed_is_still_read(make_store: MakeStore, tmp_path: Path) -> None:
    name = make_store().put_blob(b"%PDF")
    assert make_store(blobs=InDirectory(tmp_path)).get_blob(name) == b"%PDF"


def test_a_wiped_store_takes_no_files_of_the_one_before(
    make_store: MakeStore, server: fakeredis.FakeRedis, tmp_path: Path
) -> None:
    store = make_store(blobs=InDirectory(tmp_path), blob_grace=0.0)
    email = an_email(attachments=attached(store))
    added(store, email)
    store.look(None)
    backup = {key: server.dump(key) for key in server.scan_iter()}
    seen, _ = store.look(store.look(None)[0])
    server.flushall()
    added(store, an_email())
    assert collected(store) == 0
    server.flushall()
    for key, value in backup.items():
        server.restore(key, 0, value)
    restored = store.look(seen)
    assert restored[1] is not None
    assert restored[1].why == "restored"
    assert store.get_blob(email.attachments[0].blob) == b"%PDF"


def test_one_process_collects_for_all(make_store: MakeStore, server: fakeredis.FakeRedis) -> None:
    one, other = make_store(), make_store()
    assert (one.may_collect(), other.may_collect()) == (True, False)
    assert 0 < server.pttl("notifier:{blobs}:collecting") <= 60_000
    server.delete("notifier:{blobs}:collecting")
    assert other.may_collect()


def test_a_record_cannot_name_a_payload_anywhere_else(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    email = an_email()
    added(store, email)
    server.hset(f"notifier:{{mail}}:mail:{email.id}", "payload", '{"v":"blob","blob":"../../etc/passwd"}')
    assert store.claim("mail", "worker-1", 1) == []
    status = store.status(email.id)
    assert status is not None
    assert "no name of a blob" in status.history[-1]["why"]


def test_the_name_is_the_digest(store: RedisStore) -> None:
    assert store.put_blob(b"") == blob_name(b"")
    assert store.get_blob(blob_name(b"")) == b""


def test_a_dead_letter_to_another_address_refers_to_its_new_payload_and_to_no_message(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    email = an_email("zoe@example.com", context=LONG, attachments=attached(store))
    store.settle([Settlement(claimed(store, email), MailState.FAILED, composed=MESSAGE)])
    before = references(server)
    new = Address.parse("ann@example.com")
    store.resolve(email.id, MailState.WAITING, readdress={"zoe@example.com": new})
    after = references(server)
    assert (len(before), len(after)) == (3, 2)
    assert set(before) & set(after) == {email.attachments[0].blob}
    again = claimed(store)
    assert (again.email.to, again.email.context, again.composed) == ((new,), email.context, None)
    store.begin_dot([again])
    store.settle([Settlement(again, MailState.SENT)])
    assert references(server) == {email.attachments[0].blob: 1}


def own_message(store: RedisStore) -> MessageRef:
    return MessageRef(store.put_blob(MESSAGE), len(MESSAGE), "shop@example.com")


@pytest.mark.parametrize("long", [False, True])
def test_a_message_of_the_applications_own_is_released_when_its_mail_has_ended(
    store: RedisStore, server: fakeredis.FakeRedis, clock: Clock, long: bool
) -> None:
    own = own_message(store)
    more = {"headers": {"X": "y" * LARGE}} if long else {}
    store.settle([Settlement(at_dot(store, an_email(message=own, **more)), MailState.WAITING, composed=MESSAGE)])
    assert references(server)[own.blob] == 2, "for the mail, and for the message of its first attempt"
    (claim,) = store.claim("mail", "worker-1", 1)
    store.begin_dot([claim])
    store.settle([Settlement(claim, MailState.SENT)])
    assert references(server) == {}
    clock.now += DAY
    assert collected(store) == 1 + long


def test_a_dead_letter_that_is_readdressed_keeps_the_applications_own_message(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    own = own_message(store)
    email = an_email(message=own)
    store.settle([Settlement(claimed(store, email), MailState.FAILED)])
    readdress = {"zoe@example.com": Address.parse("zoe@example.org")}
    store.resolve(email.id, MailState.WAITING, readdress=readdress)
    assert references(server) == {own.blob: 1}
    claim = claimed(store)
    assert (claim.email.message, list(claim.recipients)) == (own, ["zoe@example.org"])
    assert store.get_blob(own.blob) == MESSAGE
