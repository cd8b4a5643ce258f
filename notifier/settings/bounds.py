"""Options that every relay's URL has: a timer for each phase, the bounds of its pool, and the caps of a reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from notifier.settings.parsers import Parser, count, rate, seconds
from notifier.smtp import Timeouts

TIMEOUTS: Mapping[str, str] = {f"timeout_{field.name}": field.name for field in fields(Timeouts)}
POOL: Mapping[str, tuple[str, Parser]] = {
    "pool": ("size", count),
    "messages_per_connection": ("messages_per_connection", count),
    "max_age": ("max_age", seconds),
    "max_idle": ("max_idle", seconds),
    "connections": ("connections", count),
    "rate": ("rate", rate),
}
REPLY: Mapping[str, tuple[str, Parser]] = {
    "reply_line": ("line", count),
    "reply_octets": ("octets", count),
    "reply_lines": ("lines", count),
}
