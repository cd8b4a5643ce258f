from __future__ import annotations

import pytest

from notifier.model.secret import Secret
from notifier.store import RedisStore
from notifier.store.url import StoreURL


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "redis://localhost:6379"),
        ("redis://user:s3cret@db.example:7000/2?timeout=1", "redis://db.example:7000/2"),
        ("rediss://:s3cret@[2001:db8::1]/0", "rediss://[2001:db8::1]:6379/0"),
        ("unix://user:s3cret@/run/valkey.sock?db=1", "/run/valkey.sock"),
        ("redis:///1", "redis://localhost:6379/1"),
    ],
)
def test_an_url_is_shown_without_credentials_and_options(url: str, shown: str) -> None:
    assert str(StoreURL(Secret(url))) == shown


@pytest.mark.parametrize(
    ("url", "lies_open"),
    [
        ("redis://db.example", True),
        ("rediss://user@10.0.0.7", True),
        ("redis://:s3cret@db.example", False),
        ("redis://localhost", False),
        ("redis://127.1.2.3", False),
        ("redis://[::1]:6380", False),
        ("unix:///run/valkey.sock", False),
    ],
)
def test_a_server_lies_open_where_a_network_reaches_it_without_a_password(url: str, lies_open: bool) -> None:
    assert StoreURL(Secret(url)).lies_open is lies_open


def test_a_store_shows_no_credentials() -> None:
    store = RedisStore("redis://user:s3cret@db.example/1")
    assert repr(store) == "<RedisStore redis://db.example:6379/1 'notifier'>"
    assert "s3cret" not in repr(store._connection.url)
