"""Files that are attached by their path: read at the call, and never through a link.

Without roots the application's own process may attach whatever it may read. With roots a path must lie in one of them:
each folder is opened below the one before, so that neither ``..`` nor a link that is swapped in at any moment leads out.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from notifier.errors import InvalidAttachment, MailTooLarge
from notifier.model.octets import Source
from notifier.model.reread import has_changed, read_once

HELD = 64 * 1024  # octets; a hundred files of this size may be in memory together, and none that is bigger
BLOCK = 57 * 1024  # octets that are read together
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/?/")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NOFOLLOW: a link that was swapped in leads nowhere. O_NONBLOCK: opening a FIFO does not hang.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_file(given: object, *, limit: int, roots: Sequence[Path] = ()) -> bytes | Source:
    """The octets of a regular file, ``limit`` of them at most. One of more than `HELD` is read once here, and once more when it
    is kept, block by block. Raises `InvalidAttachment` or `MailTooLarge`.
    """
    path = _checked_path(given)
    return read_once(f"attachment {path}", lambda: _blocks(path, limit, roots), held=HELD)


def _blocks(path: Path, limit: int, roots: Sequence[Path]) -> Iterator[bytes]:
    try:
        with _opened(path, roots) as descriptor:
            yield from _checked_blocks(descriptor, path, limit, alone=bool(roots))
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidAttachment | MailTooLarge):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidAttachment(f"attachment {path} cannot be read: {reason}") from error


def _checked_path(given: object) -> Path:
    if not isinstance(given, str | os.PathLike) or not isinstance(text := os.fspath(given), str):
        raise InvalidAttachment(f"an attachment's path is text or a Path, not {type(given).__name__}")
    if _SCHEME.match(text):  # file://, phar:// and the like: CVE-2018-19296
        raise InvalidAttachment(f"attachment {text!r}: a path is no URL; give the path alone, or url=")
    return Path(text)


@contextmanager
def _opened(path: Path, roots: Sequence[Path]) -> Iterator[int]:
    if not roots:
        descriptor = os.open(path, _FILE)
    else:
        root, parts = _below(path, roots)
        descriptor = _walked(root, parts)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _below(path: Path, roots: Sequence[Path]) -> tuple[Path, tuple[str, ...]]:
    """The root that holds the path, and the names from there; by the names alone, nothing is asked of the disk."""
    whole = path if path.is_absolute() else Path.cwd() / path
    if ".." not in whole.parts:
        for root in roots:
            if whole.is_relative_to(root) and whole != root:
                return root, whole.relative_to(root).parts
    raise InvalidAttachment(
        f"attachment {path} lies in none of the folders that files may be attached from: "
        f"{os.pathsep.join(map(str, roots))} (NOTIFIER_ATTACHMENT_ROOTS)"
    )


def _walked(root: Path, parts: Sequence[str]) -> int:
    # The root itself may be a link, for operators like to move things; nothing below it may.
    folder = os.open(root, _FOLDER)
    try:
        for name in parts[:-1]:
            below = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _checked_blocks(descriptor: int, path: Path, limit: int, *, alone: bool) -> Iterator[bytes]:
    before = os.fstat(descriptor)
    _check(before, path, alone=alone)
    _check_size(before.st_size, path, limit)  # so that nothing of a gigabyte is read
    count = 0
    for block in _octets(descriptor):
        count += len(block)
        _check_size(count, path, limit)  # of a file that grows meanwhile
        yield block
    after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise has_changed(f"attachment {path}")


def _check(found: os.stat_result, path: Path, *, alone: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InvalidAttachment(f"attachment {path} is not a regular file")
    if alone and found.st_nlink > 1:
        # A second name for a file of elsewhere: whoever may write into the root has made it, and it is no way around it.
        raise InvalidAttachment(
            f"attachment {path} has {found.st_nlink} names (hard links), and may lie elsewhere; copy it"
        )


def _check_size(size: int, path: Path, limit: int) -> None:
    if size > limit:
        raise MailTooLarge(f"attachment {path} alone is over the limit of {limit:,} octets for a mail")


def _octets(descriptor: int) -> Iterator[bytes]:
    while block := os.read(descriptor, BLOCK):
        yield block
