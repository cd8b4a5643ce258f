"""What a client says beside its envelope, read strictly: the arguments of BDAT, and the answers to AUTH. Pure."""

from __future__ import annotations

import base64
import binascii
import re

from notifier.protocol.received_commands import Refused

_BDAT = re.compile(r"([0-9]{1,15})(?: (LAST))?\Z", re.IGNORECASE)


def read_bdat(text: str) -> tuple[int, bool]:
    """The argument of BDAT: the chunk's size in octets, and whether it is the last. Raises `Refused`."""
    found = _BDAT.match(text)
    if found is None:
        raise Refused("501 5.5.4 Syntax: BDAT size [LAST]")
    return int(found[1]), found[2] is not None


def read_plain(answer: str) -> tuple[str, str]:
    """User and password of AUTH PLAIN (RFC 4616). Raises `Refused`."""
    _, user, password = _fields(read_base64(answer))
    return user, password


def _fields(text: str) -> list[str]:
    fields = text.split("\0")
    if len(fields) != 3:
        raise Refused("501 5.5.2 That is no answer to AUTH PLAIN")
    return fields


def read_base64(answer: str) -> str:
    """An answer to a challenge; ``*`` cancels (RFC 4954 section 4). Raises `Refused`."""
    if answer == "*":
        raise Refused("501 5.7.0 Authentication cancelled")
    try:
        return base64.b64decode("" if answer == "=" else answer, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused("501 5.5.2 That is no base64") from None
