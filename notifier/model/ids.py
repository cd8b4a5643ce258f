"""Identifiers of mails: UUID version 7 (RFC 9562 section 5.7), so that they sort by the time of their making."""

from __future__ import annotations

import os
import time


def new_token() -> str:
    """128 random bits, in hex: what nobody else will call his own."""
    return os.urandom(16).hex()


def new_mail_id() -> str:
    """A fresh UUIDv7 as text."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value = (value & ~(0xF << 76)) | (0x7 << 76)  # version 7
    value = (value & ~(0x3 << 62)) | (0x2 << 62)  # variant 10
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
