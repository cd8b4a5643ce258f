"""Mail templates that others publish, unpacked into ``.cache`` by ``install_servers.sh``; read there, never copied."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from workers import TOP

UNPACKED = TOP / ".cache" / "published"


def published(package: str, file: str) -> Path:
    """A file of an npm package; the test is skipped where the package is not there."""
    folder = UNPACKED / package
    if not folder.is_dir():
        why = f"no {package} here; NOTIFIER_INSTALL_SERVERS=1 make test unpacks it"
        assert not (os.environ.get("CI") and shutil.which("npm")), (
            f"CI has every package (tests/install_servers.sh): {why}"
        )
        pytest.skip(why)
    return folder / file
