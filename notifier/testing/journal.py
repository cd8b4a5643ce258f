"""The accept journal: what a server took responsibility for, on disk before it said so.

It is the truth for tests that kill processes: a line is there before the 250 can be, so what is not in it was never
accepted, and what is in it twice was delivered twice.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Accepted(Protocol):
    """What the journal needs of a mail."""

    @property
    def received_at(self) -> float: ...
    @property
    def message_id(self) -> str: ...
    @property
    def recipients(self) -> tuple[str, ...]: ...
    @property
    def data(self) -> bytes: ...
    @property
    def connection(self) -> int: ...


class Journal:
    """Lines of JSON: ``at`` (seconds since the epoch), ``message_id``, ``recipients``, ``sha256``, ``connection``.

    Its owner serialises the calls.
    """

    def __init__(self, path: Path) -> None:
        path.touch(0o600)
        self._path = path
        self._descriptor: int | None = None

    def write(self, mail: Accepted) -> None:
        """Append a line and sync it. Raises `OSError`."""
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        line = json.dumps(_line(mail)).encode() + b"\n"
        if os.write(self._descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, "the journal's disk is full")
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _line(mail: Accepted) -> Mapping[str, object]:
    return {
        "at": mail.received_at,
        "message_id": mail.message_id,
        "recipients": mail.recipients,
        "sha256": hashlib.sha256(mail.data).hexdigest(),
        "connection": mail.connection,
    }
