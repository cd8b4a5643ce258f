"""Which version of Notifier this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def release() -> str:
    """The version that is installed; ``unpacked`` where the files are imported from a folder that nobody installed."""
    try:
        return installed("notifier-worker")
    except PackageNotFoundError:
        return "unpacked"
