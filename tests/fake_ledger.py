"""A ledger on a Redis that is played in this process, with a clock that the test moves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import fakeredis

from notifier.store import RedisStore, scripts
from notifier.store.connection import LedgerConnection


@dataclass
class Clock:
    """The server's clock, seconds since the epoch."""

    now: float = field(default_factory=time.time)

    def time(self) -> float:
        return self.now


@contextmanager
def fake_redis(clock: Clock | None = None) -> Iterator[fakeredis.FakeRedis]:
    """While this lasts, every store talks to one server of its own; the client shows what is in it."""
    server = fakeredis.FakeServer()

    def made(connection: LedgerConnection) -> fakeredis.FakeRedis:
        return fakeredis.FakeRedis(server=server, protocol=2)

    with mock.patch.object(LedgerConnection, "_made", made), _without_script_flags():
        if clock is None:
            yield made(mock.sentinel.nobody)
            return
        with mock.patch("fakeredis.commands_mixins.server_mixin.time", clock):
            yield made(mock.sentinel.nobody)


@contextmanager
def _without_script_flags() -> Iterator[None]:
    # The Lua here knows no flags; real servers of the integration tests do.
    with mock.patch.object(scripts, "FLAGS", {}):
        _forget_sources()
        yield
    _forget_sources()


def _forget_sources() -> None:
    scripts.source.cache_clear()
    scripts.digest.cache_clear()


def fake_store(**options: Any) -> RedisStore:
    return RedisStore("redis://ledger.test", **{"durability": "aof", **options})
