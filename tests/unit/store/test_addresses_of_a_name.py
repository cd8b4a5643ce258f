"""All addresses of a name have one timeout together."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from notifier.model.secret import Secret
from notifier.store.addresses import share_of
from notifier.store.url import StoreURL

pytestmark = pytest.mark.unit


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def found(host: str, port: int | None, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)


@pytest.mark.parametrize(("addresses", "share"), [(["192.0.2.1"], 4.0), (["192.0.2.1", "192.0.2.2"], 2.0), ([], 4.0)])
def test_each_address_has_its_share(monkeypatch: pytest.MonkeyPatch, addresses: list[str], share: float) -> None:
    resolving(monkeypatch, *addresses)
    assert share_of(4.0, "store.example", 6379) == share


def test_an_address_that_is_told_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "192.0.2.1", "192.0.2.1")
    assert share_of(4.0, "store.example", 6379) == 4.0


def test_a_name_that_nobody_knows_is_left_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert share_of(4.0, "nowhere.invalid", 6379) == 4.0


def test_a_unix_socket_has_no_address() -> None:
    assert StoreURL(Secret("unix:///run/valkey.sock")).place == (None, None)
    assert share_of(4.0, None, None) == 4.0
    assert StoreURL(Secret("redis://store.example/1")).place == ("store.example", 6379)
