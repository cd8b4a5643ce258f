from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import fakeredis
import pytest
from cryptography.fernet import Fernet
from fake_ledger import Clock
from store_conformance import StoreConformance, added, an_email, claimed

from notifier.errors import BlobUnavailable
from notifier.model.email import AttachmentRef
from notifier.model.secret import Secret
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement
from notifier.store.blobs import InDirectory
from notifier.store.blobs.outsourced import LARGE
from notifier.store.sealing import Seal

OLD, NEW = (Secret(Fernet.generate_key().decode()) for _ in range(2))
MESSAGE = b"Subject: the-secret-link\r\n\r\n"
MakeStore = Callable[..., RedisStore]
Keys = Sequence[Secret]


def contents(server: fakeredis.FakeRedis, root: Path | None = None) -> str:
    read = {b"hash": server.hgetall, b"string": server.get}
    kept = [repr(read[kind](key)) for key in server.scan_iter() if (kind := server.type(key)) in read]
    files = [repr(path.read_bytes()) for path in (root.rglob("*") if root else ()) if path.is_file()]
    return " ".join(kept + files)


@pytest.mark.long  # `make check` asks all of this once, without keys (test_store_conformance_fake.py)
class TestTheLedgerWithKeys(StoreConformance):
    @pytest.fixture
    def make_store(self, make_store: MakeStore) -> MakeStore:
        return lambda **options: make_store(encryption_keys=[NEW], **options)

    @pytest.fixture
    def store(self, make_store: MakeStore) -> RedisStore:
        return make_store()


@pytest.mark.parametrize("long", [0, LARGE])
def test_contents_lie_sealed_and_come_back(
    make_store: MakeStore, server: fakeredis.FakeRedis, tmp_path: Path, long: int
) -> None:
    store = make_store(encryption_keys=[NEW], blobs=InDirectory(tmp_path))
    ref = AttachmentRef("a.txt", "text/plain", store.put_blob(b"the-secret-link in a file"), 25)
    email = an_email(context={"link": "the-secret-link", "more": "z" * long}, attachments=(ref,))
    message = MESSAGE + b"y" * long
    store.settle([Settlement(claimed(store, email), MailState.WAITING, composed=message)])
    assert "the-secret-link" not in contents(server, tmp_path)
    claim = claimed(store)
    assert (claim.email, claim.composed) == (email, message)
    assert store.get_blob(ref.blob) == b"the-secret-link in a file"


@pytest.mark.parametrize(("wrote", "reads"), [([], [NEW]), ([OLD], [NEW, OLD]), ([], [])])
def test_keys_come_and_are_rotated_while_mails_wait(make_store: MakeStore, wrote: Keys, reads: Keys) -> None:
    before, after = make_store(encryption_keys=wrote), make_store(encryption_keys=reads)
    email, blob = an_email(), before.put_blob(b"%PDF")
    before.settle([Settlement(claimed(before, email), MailState.WAITING, composed=MESSAGE)])
    claim = claimed(after)
    assert (claim.email, claim.composed, after.get_blob(blob)) == (email, MESSAGE, b"%PDF")


@pytest.mark.parametrize("reads", [[], [NEW]])
def test_a_worker_without_the_key_leaves_the_mail_waiting_and_says_why(
    make_store: MakeStore, clock: Clock, reads: Keys
) -> None:
    store, blind = make_store(encryption_keys=[OLD]), make_store(encryption_keys=reads)
    email, blob = an_email(), store.put_blob(b"%PDF")
    added(store, email)
    assert blind.claim("mail", "worker-2", 1) == []
    status = blind.status(email.id)
    assert status is not None
    assert (status.state, status.attempt) == (MailState.WAITING, 0)
    assert "NOTIFIER_ENCRYPTION_KEYS" in status.history[-1]["why"]
    with pytest.raises(BlobUnavailable, match="NOTIFIER_ENCRYPTION_KEYS"):
        blind.get_blob(blob)
    clock.now += 61
    assert claimed(store).email == email


def test_an_attachment_that_is_sent_every_day_is_read_after_the_old_key_is_gone(make_store: MakeStore) -> None:
    blob = make_store(encryption_keys=[OLD]).put_blob(b"terms.pdf")
    make_store(encryption_keys=[NEW, OLD]).put_blob(b"terms.pdf")
    assert make_store(encryption_keys=[NEW]).get_blob(blob) == b"terms.pdf"


def test_an_attachment_that_looks_sealed_is_an_attachment(make_store: MakeStore) -> None:
    token = Seal([OLD]).seal(b"a letter in a letter")
    for keys in ([], [NEW], [OLD]):
        store = make_store(encryption_keys=keys)
        assert store.get_blob(store.put_blob(token)) == token


def test_the_same_call_under_another_key_is_the_same_mail(make_store: MakeStore) -> None:
    first = an_email(idempotency_key="k")
    added(make_store(encryption_keys=[OLD]), first)
    assert added(make_store(encryption_keys=[NEW]), an_email(idempotency_key="k")) == [first.id]
