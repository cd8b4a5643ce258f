"""A payload that is too big for a record: what stands there in its place. Workers of before wait, and do not misread it."""

from __future__ import annotations

import json

LARGE = 64 * 1024  # octets that a payload or a composed message may have in the record itself
_VERSION = "blob"  # where a payload has its version


def reference_to(name: str) -> str:
    """What stands for the payload in blob ``name``."""
    return json.dumps({"v": _VERSION, "blob": name})


def referred_by(payload: bytes) -> str | None:
    """The blob that holds the payload; None where this is the payload itself."""
    if len(payload) > 200:
        return None
    try:
        found = json.loads(payload)
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("v") != _VERSION:
        return None
    return str(found.get("blob"))
