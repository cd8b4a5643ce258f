"""What an operator should know of a store's server before trusting it with mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from redis.exceptions import ResponseError

from notifier.store.connection import LedgerConnection
from notifier.store.url import StoreURL

OLDEST = (7, 0)  # scripts with flags
WITH_WAITAOF = (7, 2)


def advice(connection: LedgerConnection) -> list[str]:
    """One sentence for each server setting that endangers mail, with what to do. Raises `StoreUnavailable`."""
    # Refusals stay among the answers: CONFIG is often forbidden, and that is no reason to fail.
    config, info = connection.sent([("CONFIG GET", "*a*"), ("INFO", "server")])
    return [*_network(connection.url), *_settings(config), *_version(info)]


def _network(url: StoreURL) -> Iterator[str]:
    if url.lies_open:
        yield (
            f"{url} is used over the network without a password, so that whoever reaches it can read and forge mail: "
            "set one on the server, and put it into NOTIFIER_STORE_URL"
        )


def _settings(config: Mapping[str, str] | ResponseError) -> Iterator[str]:
    if isinstance(config, ResponseError):
        yield "the server does not show its settings (CONFIG): check appendonly and maxmemory-policy by hand"
        return
    yield from _persistence(config)
    policy = config.get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        yield f"maxmemory-policy is {policy}: under pressure the server drops mails silently; set noeviction"


def _persistence(config: Mapping[str, str]) -> Iterator[str]:
    if config.get("appendonly") != "yes":
        yield "appendonly is off: a restart of the server loses every waiting mail; set appendonly yes"
    elif config.get("appendfsync") == "everysec":
        yield (
            "appendfsync is everysec: each step that must be on disk waits up to a second for it; "
            "set appendfsync always, or NOTIFIER_DURABILITY=aof if losing the last second is acceptable"
        )
    elif config.get("appendfsync") == "no":
        yield "appendfsync is no: the server never asks the disk to write; set appendfsync always"


def _version(info: Mapping[str, object] | ResponseError) -> Iterator[str]:
    if isinstance(info, ResponseError):
        return
    text = str(info.get("redis_version", "0.0"))  # Valkey says here which Redis it is compatible with
    version = tuple(int(part) for part in text.split(".")[:2])
    if version < OLDEST:
        yield f"the server is Redis {text}, which cannot run the ledger's scripts; use Valkey, or Redis 7.2 or later"
    elif version < WITH_WAITAOF:
        yield (
            f"the server is Redis {text}: it cannot confirm that a mail is on disk (WAITAOF); "
            "use Valkey, or Redis 7.2 or later"
        )
