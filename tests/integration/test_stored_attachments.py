"""An attachment that is stored once and goes along with many mails, with a real worker; by URL, and inline too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import redis
from workers import Plant, plant, wait_until

from notifier import send_bulk, send_email, store_attachment
from notifier.errors import BlobUnavailable, InvalidAttachment, InvalidMail
from notifier.model.ids import new_mail_id
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.blobs.place import TURNS
from notifier.tasks.app import app
from notifier.tasks.runtime import runtime

DATA = b"%PDF \x00\xff terms"


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("stored"), NOTIFIER_ATTACHMENT_URLS="memory://terms/") as made:
        made.start_worker()
        yield made


def files_of(works: Plant, recipient: str) -> list[tuple[str | None, bytes]]:
    (mail,) = (mail for mail in works.server.mailbox if recipient in mail.recipients)
    return [(part.get_filename(), part.get_payload(decode=True)) for part in mail.message.iter_attachments()]


def welcome(to: str, *attachments: object) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}, "attachments": list(attachments)}


def test_many_mails_have_it_and_it_was_stored_once(works: Plant, tmp_path: Path) -> None:
    (tmp_path / "terms.pdf").write_bytes(DATA)
    terms = json.loads(json.dumps(store_attachment({"path": tmp_path / "terms.pdf"})))
    (tmp_path / "terms.pdf").unlink()
    people = [f"{number}@bulk.example" for number in range(30)]
    rows = send_bulk(
        template="welcome",
        recipients=[{"to": to, "context": {"name": to}} for to in people],
        attachments=[terms],
        mail_class="transactional",
    )
    works.settle([row.result.id for row in rows if row.result], MailState.SENT)
    assert all(files_of(works, to) == [("terms.pdf", DATA)] for to in people)
    with redis.Redis.from_url(works.valkey.url) as client:
        assert client.zcard("notifier:{blobs}:at") == 1
        assert client.hgetall("notifier:{mail}:refs") == {terms["blob"].encode(): b"30"}


def test_a_mail_by_name_may_have_it_too_and_one_sent_at_once(works: Plant) -> None:
    terms = store_attachment({"filename": "terms.pdf", "data": DATA}, keep=60)
    app.send_task("notifier.send_email", kwargs=welcome("named@x.example", terms), queue="mail", task_id=new_mail_id())
    wait_until(lambda: any("named@x.example" in mail.recipients for mail in works.server.mailbox), "sent")
    assert files_of(works, "named@x.example") == [("terms.pdf", DATA)]
    assert send_email(**welcome("inline@x.example", terms)).startswith("250 ")
    assert files_of(works, "inline@x.example") == [("terms.pdf", DATA)]


def test_what_is_not_stored_is_refused_at_the_call_and_nothing_is_kept(works: Plant) -> None:
    before = dict(runtime().store.counts("mail"))
    with pytest.raises(InvalidAttachment, match="store it with store_attachment"):
        send_email.delay(**welcome("a@x.example", {"blob": "0" * 64, "filename": "a.pdf"}))
    for wrong in (0, -1, float("nan"), True, "a day"):
        with pytest.raises(InvalidAttachment, match="keep"):
            store_attachment({"filename": "a", "data": b""}, keep=wrong)
    with pytest.raises(InvalidMail, match="unknown tenant"):
        store_attachment({"filename": "a", "data": b""}, tenant="nobody")
    with pytest.raises(InvalidAttachment, match="stored attachment"):
        store_attachment({"blob": "0" * 64, "filename": "a"})
    assert dict(runtime().store.counts("mail")) == before


def test_an_object_is_read_at_the_call_from_where_the_operator_says(works: Plant) -> None:
    fsspec.filesystem("memory").pipe_file("/terms/may.pdf", DATA)
    result = send_email.delay(**welcome("object@x.example", {"url": "memory://terms/may.pdf"}))
    works.settle([result.id], MailState.SENT)
    assert files_of(works, "object@x.example") == [("may.pdf", DATA)]
    with pytest.raises(InvalidAttachment, match="NOTIFIER_ATTACHMENT_URLS"):
        send_email.delay(**welcome("a@x.example", {"url": "http://169.254.169.254/latest/meta-data/"}))


def test_a_real_server_keeps_it_and_collects_what_nobody_needs(works: Plant) -> None:
    store = RedisStore(works.valkey.url, namespace="collected", blob_grace=0.0)
    kept, over, unneeded = (data + DATA for data in (b"kept", b"over", b"unneeded"))
    name, short = (store.shared.put(data, tenant="shop", keep=keep) for data, keep in ((kept, 60.0), (over, 0.001)))
    store.put_blob(unneeded)
    assert store.shared.use("shop", name) == len(kept)
    wait_until(lambda: _is_over(store, short), "its time is over")
    assert sum(store.collect_blobs() for _ in range(TURNS)) == 2
    assert store.get_blob(name) == kept
    store.close()


def _is_over(store: RedisStore, name: str) -> bool:
    try:
        store.shared.use("shop", name)
    except BlobUnavailable:
        return True
    return False
