"""Identifiers of mails: UUID version 7 (RFC 9562 section 5.7), so that they sort by the time of their making."""

from __future__ import annotations

import os
import time
import uuid


def new_mail_id() -> str:
    """A fresh UUIDv7 as text."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value = (value & ~(0xF << 76)) | (0x7 << 76)  # version 7
    value = (value & ~(0x3 << 62)) | (0x2 << 62)  # variant 10
    return str(uuid.UUID(int=value))
