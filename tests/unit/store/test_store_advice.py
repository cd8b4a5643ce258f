from __future__ import annotations

from collections.abc import Mapping

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from notifier.store import RedisStore

GOOD = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
VALKEY_9 = {"redis_version": "7.2.4", "valkey_version": "9.1.2"}


def advice(
    monkeypatch: pytest.MonkeyPatch,
    config: Mapping[str, str] | ResponseError = GOOD,
    info: Mapping[str, str] | ResponseError = VALKEY_9,
    url: str = "redis://localhost",
) -> list[str]:
    store = RedisStore(url)
    monkeypatch.setattr(store._connection, "sent", lambda commands: [config, info])
    return store.check()


def test_a_server_that_is_set_up_well_gets_no_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert advice(monkeypatch) == []


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"appendonly": "no"}, "set appendonly yes"),
        ({"appendfsync": "everysec"}, "set appendfsync always"),
        ({"appendfsync": "no"}, "set appendfsync always"),
        ({"maxmemory-policy": "allkeys-lru"}, "set noeviction"),
    ],
)
def test_a_setting_that_endangers_mail_is_one_sentence_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], words: str
) -> None:
    (sentence,) = advice(monkeypatch, {**GOOD, **setting})
    assert words in sentence


@pytest.mark.parametrize(("version", "words"), [("7.0.15", "WAITAOF"), ("6.2.14", "cannot run the ledger's scripts")])
def test_a_server_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch, version: str, words: str) -> None:
    (sentence,) = advice(monkeypatch, info={"redis_version": version})
    assert version in sentence
    assert words in sentence


def test_the_oldest_server_with_waitaof_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert advice(monkeypatch, info={"redis_version": "7.2.0"}) == []


def test_a_server_on_the_network_without_a_password_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    (sentence,) = advice(monkeypatch, url="redis://db.example")
    assert "without a password" in sentence
    assert advice(monkeypatch, url="redis://:s3cret@db.example") == []


def test_a_server_that_hides_its_settings_is_to_be_checked_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    (sentence,) = advice(monkeypatch, NoPermissionError("no"), NoPermissionError("no"))
    assert "by hand" in sentence
