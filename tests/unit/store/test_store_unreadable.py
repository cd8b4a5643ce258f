"""A worker that cannot read what it has claimed says so in its own log, for the mail's history is looked at by few."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import fakeredis
import pytest
from store_conformance import added, an_email, at_dot, history_of, state_of

from notifier.errors import StoreError
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement
from notifier.store.blobs import InDirectory


def test_a_payload_in_a_directory_that_this_host_does_not_see_is_a_warning_and_the_mail_waits(
    make_store: Callable[..., RedisStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(blobs=InDirectory(tmp_path / "blobs"))
    (tmp_path / "blobs").mkdir()
    (mail_id,) = added(store, an_email(context={"name": "x" * 100_000}))
    shutil.rmtree(tmp_path / "blobs")
    with caplog.at_level(logging.WARNING):
        assert store.claim("mail", "worker-1", 10) == []
    assert (state_of(store, mail_id), history_of(store, mail_id)) == ("waiting", ["waiting"])
    (line,) = caplog.messages
    assert line.startswith(f"mail {mail_id} is waiting: the blob ")
    assert "share it with this host" in line


def test_what_is_no_mail_is_a_warning_without_its_content(
    store: RedisStore, server: fakeredis.FakeRedis, caplog: pytest.LogCaptureFixture
) -> None:
    (mail_id,) = added(store, an_email())
    server.hset(f"notifier:{{mail}}:mail:{mail_id}", "payload", '{"v": 1, "context": "the-secret-link"}')
    with caplog.at_level(logging.WARNING):
        assert store.claim("mail", "worker-1", 10) == []
    (line,) = caplog.messages
    assert line.startswith(f"mail {mail_id} is {MailState.QUARANTINED}: the record cannot be read")
    assert "secret" not in line


def test_a_record_that_cannot_be_settled_stays_as_it_is_and_holds_up_no_other(
    store: RedisStore, server: fakeredis.FakeRedis
) -> None:
    claims = [at_dot(store, an_email()) for _ in range(3)]
    record = f"notifier:{{mail}}:mail:{claims[1].mail_id}"
    server.hset(record, "recipients", "no JSON")
    before = server.hgetall(record)
    with pytest.raises(StoreError):
        store.settle([Settlement(claim, MailState.SENT) for claim in claims])
    assert store.counts("mail")[MailState.SENT] == 2
    assert server.hgetall(record) == before
    server.hset(record, "recipients", "{}")
    store.settle([Settlement(claim, MailState.SENT) for claim in claims])
    assert store.counts("mail")[MailState.SENT] == 3


def test_a_key_of_another_kind_in_a_mails_way_holds_up_no_other(store: RedisStore, server: fakeredis.FakeRedis) -> None:
    claims = [at_dot(store, an_email()) for _ in range(3)]
    server.set(f"notifier:{{mail}}:history:{claims[0].mail_id}", "no list")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        store.settle([Settlement(claim, MailState.SENT) for claim in claims])
    assert store.counts("mail")[MailState.SENT] == 2
