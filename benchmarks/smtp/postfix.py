"""`smtp-source`, Postfix's own load generator, where it is installed: in the system, or unpacked for the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.smtp.sink import CACHE

UNPACKED = CACHE / "servers" / "postfix"
NAME = "smtp-source"


def program() -> Path | None:
    """Where it is."""
    for place in (shutil.which(NAME), shutil.which(NAME, path="/usr/sbin"), UNPACKED / "usr" / "sbin" / NAME):
        if place is not None and Path(place).exists():
            return Path(place)
    return None


def missing() -> str | None:
    """Why it cannot be measured; None where it can."""
    return "it is not installed (it comes with Postfix)" if program() is None else None


def environ() -> Mapping[str, str]:
    """One that is unpacked has its libraries beside it."""
    if program() != UNPACKED / "usr" / "sbin" / NAME:
        return os.environ
    return {**os.environ, "LD_LIBRARY_PATH": str(UNPACKED / "usr" / "lib" / "postfix")}
