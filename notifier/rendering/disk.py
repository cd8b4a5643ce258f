"""What a file on the disk is, by one look at it and at the folders above it. Their names are text: a `Path` of each costs as much again."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from errno import EBADF, ELOOP, ENOENT, ENOTDIR
from pathlib import Path

Look = Callable[[str], os.stat_result | None]

_NOTHING = (ENOENT, ENOTDIR, EBADF, ELOOP)  # as `Path.is_file` has it


def look(path: str) -> os.stat_result | None:
    """At what has the name, which may be a link; None where nothing has."""
    return _seen(os.lstat, path)


def _seen(by: Callable[[str], os.stat_result], path: str) -> os.stat_result | None:
    try:
        return by(path)
    except ValueError:  # no file can be called so
        return None
    except OSError as error:
        if error.errno not in _NOTHING:
            raise
        return None


def changed(file: str, look: Look = look) -> int | None:
    """When the file was, or what it links to; None where it is no file."""
    seen = look(file)
    if seen is not None and stat.S_ISLNK(seen.st_mode):
        seen = _seen(os.stat, file)
    return seen.st_mtime_ns if seen is not None and stat.S_ISREG(seen.st_mode) else None


def is_inside(root: str, path: str, look: Look = look) -> bool:
    """False where a link leads out of the folder, whose own name has none."""
    inner = path.removeprefix(f"{root}/")
    if inner != path and ".." not in inner and not any(_may_lead_out(one, look) for one in _down_to(root, inner)):
        return True
    return Path(path).resolve().is_relative_to(root)


def _down_to(root: str, inner: str) -> list[str]:
    parts = inner.split("/")
    return ["/".join((root, *parts[:count])) for count in range(1, len(parts) + 1)]


def _may_lead_out(path: str, look: Look) -> bool:
    seen = look(path)
    return seen is None or stat.S_ISLNK(seen.st_mode)
