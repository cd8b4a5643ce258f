"""A big file from the blob store to the wire: what each way holds of it, in fresh processes, in turn."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from email import message_from_bytes
from pathlib import Path

from benchmarks.compose.held import WAYS, blobs_in
from notifier.testing import HostileServer

FILE_SIZE, SMALL = 25 * 2**20, 2**20  # octets; the small one for smoke tests


class Lost(Exception):
    """The server was not given the file."""


def measure_memory(rounds: int, size: int) -> dict[str, list[int]]:
    """Octets for each way, round by round, with a file of ``size`` octets. Raises `Lost`."""
    data = hashlib.shake_256(b"a file").digest(size)
    found: dict[str, list[int]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        blob = blobs_in(Path(folder)).put(data)
        for _ in range(rounds):
            for way in WAYS:
                found[way].append(_held(way, folder, blob))
    return found


def _held(way: str, folder: str, blob: str) -> int:
    with HostileServer(offers=("PIPELINING",)) as server:
        command = [sys.executable, "-m", "benchmarks.compose.held", way, str(server.port), folder, blob]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        message = message_from_bytes(server.accepted[-1].octets)
    files = [
        hashlib.sha256(part.get_payload(decode=True)).hexdigest() for part in message.walk() if part.get_filename()
    ]
    if files != [blob]:
        raise Lost(f"{way}: the file does not come back")
    return int(said)
