"""Writers that are killed: a blob is there whole, or it is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from workers import wait_until

from notifier.store import blob_name
from notifier.store.blobs.directory import DirectoryBlobs

WRITER = """
import os, sys
from pathlib import Path
from notifier.store import blob_name
from notifier.store.blobs.directory import DirectoryBlobs

place = DirectoryBlobs(Path(sys.argv[1]), lambda: "epoch")
while True:
    data = os.urandom(300_000)
    place.put(blob_name(data), data)
"""
HOUR = 3600.0


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_what_has_a_name_is_whole_and_what_a_killed_writer_left_goes(tmp_path: Path) -> None:
    for kill in range(1, 6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) as writer:
            wait_until(lambda: len(files(tmp_path)) >= kill * 5, "some are written")  # noqa: B023
            writer.send_signal(signal.SIGKILL)
    named = [file for file in files(tmp_path) if not file.name.startswith(".")]
    assert len(named) >= 20
    assert all(blob_name(file.read_bytes()) == file.name for file in named)
    for file in files(tmp_path):
        if file.name.startswith("."):
            os.utime(file, (0, 0))
    place = DirectoryBlobs(tmp_path, lambda: "epoch")
    assert [place.old(turn, HOUR) for turn in range(16)] == [[]] * 16
    assert sorted(files(tmp_path)) == sorted(named)
