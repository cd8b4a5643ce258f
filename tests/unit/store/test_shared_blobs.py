"""Blobs that are put once for many mails: who may name them, how long they are there, and when they go."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import fakeredis
import pytest
from fake_ledger import Clock
from store_conformance import an_email, at_dot

from notifier.errors import BlobUnavailable, StoreUnavailable
from notifier.model.email import AttachmentRef
from notifier.model.secret import Secret
from notifier.model.state import MailState
from notifier.store import RedisStore, blob_name
from notifier.store.base import Settlement
from notifier.store.blobs import InDirectory, InObjects, InRedis
from notifier.store.blobs.place import TURNS
from notifier.store.blobs.shared import MOST_REMEMBERED

DATA = b"%PDF terms"
HOUR, DAY = 3600.0, 86_400.0
MakeStore = Callable[..., RedisStore]


@pytest.fixture(params=["redis", "dir", "objects"])
def at(request: pytest.FixtureRequest, tmp_path: Path) -> InRedis | InDirectory | InObjects:
    chosen = {"redis": InRedis(), "dir": InDirectory(tmp_path), "objects": InObjects(Secret(f"file://{tmp_path}"))}
    return chosen[request.param]


class Ledger:
    """Its clock and the age of its files move together; each look is that of a process that remembers nothing."""

    def __init__(self, make: MakeStore, clock: Clock, folder: Path, **options: object) -> None:
        self.store = make(**options)
        self._clock = clock
        self._folder = folder

    def later(self, seconds: float) -> None:
        self._clock.now += seconds
        for file in self._folder.rglob("*"):
            if file.is_file():
                os.utime(file, (file.stat().st_atime, file.stat().st_mtime - seconds))
        self.store.shared._used.clear()

    def collect(self) -> int:
        return sum(self.store.collect_blobs() for _ in range(TURNS))

    def is_there(self, name: str) -> bool:
        try:
            return self.store.get_blob(name) == DATA
        except BlobUnavailable:
            return False


@pytest.fixture
def ledger(make_store: MakeStore, clock: Clock, tmp_path: Path, at: InRedis | InDirectory | InObjects) -> Ledger:
    return Ledger(make_store, clock, tmp_path, blobs=at)


@pytest.mark.long
def test_it_is_kept_without_a_mail_for_as_long_as_was_said_and_then_collected(ledger: Ledger) -> None:
    name = ledger.store.shared.put(DATA, tenant="shop", keep=3 * DAY)
    assert name == blob_name(DATA)
    ledger.later(3 * DAY - HOUR)
    assert (ledger.collect(), ledger.is_there(name)) == (0, True)
    ledger.later(2 * HOUR)
    assert (ledger.collect(), ledger.is_there(name)) == (1, False)


@pytest.mark.long
def test_whoever_names_it_at_the_last_moment_has_the_time_to_add_his_mail(ledger: Ledger) -> None:
    name = ledger.store.shared.put(DATA, tenant="shop", keep=DAY)
    ledger.later(DAY - 1)
    assert ledger.store.shared.use("shop", name) == len(DATA)
    ledger.later(HOUR - 10)
    assert ledger.collect() == 0
    email = an_email(attachments=(AttachmentRef("a.pdf", "application/pdf", name, len(DATA)),))
    ledger.store.add([email])
    ledger.later(2 * HOUR)
    assert (ledger.collect(), ledger.is_there(name)) == (0, True), "now the mail keeps it"
    ledger.store.settle([Settlement(at_dot(ledger.store), MailState.SENT)])
    ledger.later(8 * DAY)
    ledger.store.sweep("mail")
    assert ledger.collect() == 1


def test_only_the_tenant_that_it_was_put_for_may_name_it(ledger: Ledger) -> None:
    name = ledger.store.shared.put(DATA, tenant="shop", keep=DAY)
    with pytest.raises(BlobUnavailable, match="tenant 'other' has no stored attachment"):
        ledger.store.shared.use("other", name)
    ledger.store.shared.put(DATA, tenant="other", keep=2 * DAY)
    assert ledger.store.shared.use("other", name) == ledger.store.shared.use("shop", name) == len(DATA)
    ledger.later(DAY + 1)
    with pytest.raises(BlobUnavailable):
        ledger.store.shared.use("shop", name)
    assert ledger.store.shared.use("other", name) == len(DATA)


def test_what_was_stored_for_another_end_cannot_be_named(ledger: Ledger) -> None:
    name = ledger.store.put_blob(DATA)  # as payloads, messages and attachments of mails are
    with pytest.raises(BlobUnavailable, match="no stored attachment"):
        ledger.store.shared.use("default", name)


@pytest.mark.parametrize("name", ["", "x", "../../etc/passwd", "F" * 64, "shop " + "f" * 59])
def test_a_name_that_is_none_is_asked_of_nobody(ledger: Ledger, name: str) -> None:
    with pytest.raises(BlobUnavailable, match="no name of a blob"):
        ledger.store.shared.use("shop", name)


def test_what_has_vanished_is_told_at_the_call(ledger: Ledger, server: fakeredis.FakeRedis, tmp_path: Path) -> None:
    name = ledger.store.shared.put(DATA, tenant="shop", keep=DAY)
    for file in tmp_path.rglob(name):
        file.unlink()
    server.delete(f"notifier:{{blobs}}:octets:{name}")
    with pytest.raises(BlobUnavailable, match="vanished; store it again"):
        ledger.store.shared.use("shop", name)


def test_putting_it_again_makes_its_time_longer_and_never_shorter(ledger: Ledger) -> None:
    ledger.store.shared.put(DATA, tenant="shop", keep=3 * DAY)
    name = ledger.store.shared.put(DATA, tenant="shop", keep=HOUR)
    ledger.later(2 * DAY)
    assert ledger.store.shared.use("shop", name) == len(DATA)


def test_a_place_that_cannot_be_looked_into_is_no_lack_of_the_attachment(make_store: MakeStore, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    store = make_store(blobs=InDirectory(tmp_path / "root"))
    name = store.shared.put(DATA, tenant="shop", keep=DAY)
    (tmp_path / "root").rename(tmp_path / "moved")
    (tmp_path / "root").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="NOTIFIER_BLOBS"):
        store.shared.use("shop", name)


def test_a_million_calls_ask_the_store_once_a_minute(
    make_store: MakeStore, server: fakeredis.FakeRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store()
    now = [0.0]
    monkeypatch.setattr(store.shared, "_clock", lambda: now[0])
    asked: list[str] = []
    ask = store.shared._asked
    monkeypatch.setattr(store.shared, "_asked", lambda tenant, name: asked.append(name) or ask(tenant, name))
    name = store.shared.put(DATA, tenant="shop", keep=DAY)
    for now[0] in (0.0, 30.0, 59.0, 61.0, 90.0):
        assert store.shared.use("shop", name) == len(DATA)
    assert len(asked) == 2
    store.shared._used.update({("shop", str(number)): (0.0, 1) for number in range(MOST_REMEMBERED)})
    now[0] = 1000.0
    store.shared.use("shop", name)
    assert len(store.shared._used) == 1, "what is remembered has a bound"


def test_its_size_is_that_of_the_octets_and_not_of_what_is_sealed(make_store: MakeStore) -> None:
    from cryptography.fernet import Fernet

    store = make_store(encryption_keys=[Secret(Fernet.generate_key().decode())])
    name = store.shared.put(DATA, tenant="shop", keep=DAY)
    assert store.shared.use("shop", name) == len(DATA)
    assert store.get_blob(name) == DATA


def test_what_the_ledger_remembers_of_it_goes_with_it(ledger: Ledger, server: fakeredis.FakeRedis) -> None:
    ledger.store.shared.put(DATA, tenant="shop", keep=DAY)
    ledger.later(2 * DAY)
    ledger.collect()
    assert [key for key in server.keys("*") if key.rpartition(b":")[2] in (b"kept", b"shared", b"sizes")] == []
