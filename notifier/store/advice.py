"""What an operator should know of a store's server before trusting it with mail."""

from __future__ import annotations

import redis
from redis.exceptions import ResponseError

WITH_WAITAOF = (7, 2)


def advice(client: redis.Redis, where: str) -> list[str]:
    """One sentence for each server setting that endangers mail."""
    try:
        read = client.config_get("appendonly", "appendfsync", "maxmemory-policy")
    except ResponseError:
        return [f"{where} does not let us read its settings (CONFIG): check appendonly and maxmemory-policy by hand"]
    config = {str(name): str(value) for name, value in read.items()}
    return [*_persistence(config), *_memory(config), *_version(client)]


def _persistence(config: dict[str, str]) -> list[str]:
    if config.get("appendonly") != "yes":
        return ["appendonly is off: a restart of the server loses every waiting mail; set appendonly yes"]
    if config.get("appendfsync") == "everysec":
        return [
            (
                "appendfsync is everysec: each step that must be on disk waits up to a second for it; "
                "set appendfsync always, or NOTIFIER_DURABILITY=aof if losing the last second is acceptable"
            )
        ]
    if config.get("appendfsync") == "no":
        return ["appendfsync is no: the server never asks the disk to write; set appendfsync always"]
    return []


def _memory(config: dict[str, str]) -> list[str]:
    policy = config.get("maxmemory-policy", "noeviction")
    if policy == "noeviction":
        return []
    return [f"maxmemory-policy is {policy}: under pressure the server drops mails silently; set noeviction"]


def _version(client: redis.Redis) -> list[str]:
    info = client.info("server")
    version = tuple(int(part) for part in str(info.get("redis_version", "0.0")).split(".")[:2])
    if version >= WITH_WAITAOF:
        return []
    return [
        (
            f"the server is Redis {info.get('redis_version')}: it cannot confirm that a mail is on disk (WAITAOF); "
            "use Valkey or Redis 7.2 or later"
        )
    ]
