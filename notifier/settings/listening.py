"""Where something of ours is served over HTTP."""

from __future__ import annotations

import re
from typing import NamedTuple

LOOPBACK = "127.0.0.1"
_WRITTEN = re.compile(r"(?:(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>[0-9]{1,5})\Z")


class ListenAt(NamedTuple):
    """``port`` 0: a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen_at(text: str) -> ListenAt | None:
    """``9464`` on loopback, or ``0.0.0.0:9464``, ``[::]:9464``; empty: nowhere. Raises `ValueError`."""
    if not text:
        return None
    found = _WRITTEN.match(text)
    if found is None or not 0 <= int(found["port"]) <= 65535:
        raise ValueError(f"is a port, such as 9464, or an address with one, such as 0.0.0.0:9464, and not {text!r}")
    return ListenAt((found["host"] or LOOPBACK).strip("[]"), int(found["port"]))
