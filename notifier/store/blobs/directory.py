"""Blobs in a directory that all hosts share: ``root/ledger/ab/abcd…``, one file a blob, mode 0600.

A file appears whole or not at all (written beside, fsync, rename). Folders are opened one below the other and no link
is followed. The ledger's mark is part of the way, so that a wiped store, or a second one, never takes the files of
another for its own and collects them.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from notifier.errors import BlobUnavailable, StoreError, StoreUnavailable
from notifier.model.octets import Source, blocks_of
from notifier.store.blobs.opened import OpenedBlob

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NAME = re.compile(r"[0-9a-f]{64}\Z")
_DOOMED = ".doomed."
_DRAFT = ".draft."
BLOCK = 57 * 1024  # octets; whole lines of base64


class DirectoryBlobs:
    """``root`` must be there and is never made: behind a mount that is missing lies another, empty directory.

    ``ledger`` gives the mark that this ledger's data carries.
    """

    def __init__(self, root: Path, ledger: Callable[[], str]) -> None:
        self._root = root
        self._ledger = ledger

    def __repr__(self) -> str:
        return f"<DirectoryBlobs {self._root}>"

    def put(self, name: str, data: bytes | Source, *, anew: bool = False) -> None:
        """See `Place.put`."""
        try:
            with self._folder(name[:2], make=True) as folder:
                if anew or not _touched(folder, name, len(data)):
                    _write(folder, name, data)
                os.fsync(folder)  # the name itself, which another writer may have made a moment ago
        except OSError as error:
            raise StoreUnavailable(
                f"the blob {name} cannot be written to the directory {self._root} on {socket.gethostname()}: "
                f"{error.strerror}. Make the directory writable for this user, or name another in NOTIFIER_BLOBS"
            ) from error

    def put_all(self, blobs: Mapping[str, bytes | Source], *, anew: bool = False) -> None:
        """See `Place.put_all`."""
        for name, data in blobs.items():
            self.put(name, data, anew=anew)

    def get(self, name: str, limit: int) -> bytes:
        """See `Place.get`."""
        with self._readable(name) as folder:
            return _read(folder, name, limit)

    def open(self, name: str, limit: int) -> OpenedBlob | None:
        """See `Place.open`."""
        with self._readable(name) as folder:
            size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
        return OpenedBlob(self, name, size) if size <= limit else None

    def blocks(self, name: str) -> Iterator[bytes]:
        """The octets of a blob in pieces. Raises `BlobUnavailable`."""
        with self._readable(name) as folder, _opened_file(folder, name) as file:
            while block := file.read(BLOCK):
                yield block

    @contextmanager
    def _readable(self, name: str) -> Iterator[int]:
        """The folder that the blob is in."""
        try:
            with self._folder(name[:2]) as folder:
                yield folder
        except OSError as error:
            raise BlobUnavailable(
                f"the blob {name} cannot be read from the directory {self._root} on {socket.gethostname()} "
                f"({error.strerror}); the mail waits. Workers need the directory that the mails were enqueued with: "
                "share it with this host, for the same user (NOTIFIER_BLOBS)"
            ) from error

    def touch(self, name: str) -> bool:
        """See `Place.touch`."""
        try:
            with self._folder(name[:2]) as folder:
                return _touched(folder, name)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreUnavailable(
                f"the directory {self._root} on {socket.gethostname()} cannot be looked into: {error.strerror} "
                "(NOTIFIER_BLOBS)"
            ) from error

    def old(self, turn: int, age: float) -> list[str]:
        """See `Place.old`."""
        return [name for low in range(16) for name in self._old_in(f"{turn:x}{low:x}", age)]

    def _old_in(self, shard: str, age: float) -> list[str]:
        with suppress(FileNotFoundError), self._told(), self._folder(shard) as folder:
            for left in _names(folder):
                _tidied(folder, left, age)
            return [name for name in _names(folder) if _NAME.match(name) and _age(folder, name) >= age]
        return []

    def drop(self, name: str, age: float) -> bool:
        """See `Place.drop`. Whoever puts the blob in the middle of this makes it young, or finds it gone and writes it."""
        with suppress(FileNotFoundError), self._told(), self._folder(name[:2]) as folder:
            if _age(folder, name) < age:
                return False
            doomed = f"{_DOOMED}{name}.{uuid.uuid4().hex}"
            os.rename(name, doomed, src_dir_fd=folder, dst_dir_fd=folder)
            if _age(folder, doomed) < age:
                _restore(folder, doomed)
                return False
            os.unlink(doomed, dir_fd=folder)
            return True
        return False

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(f"blobs in the directory {self._root} cannot be collected: {error.strerror}") from error

    @contextmanager
    def _folder(self, shard: str, *, make: bool = False) -> Iterator[int]:
        """The descriptor of ``root/ledger/shard``."""
        with (
            _opened(self._root, None) as root,
            _opened(self._ledger(), root, make=make) as ledger,
            _opened(shard, ledger, make=make) as folder,
        ):
            yield folder


@contextmanager
def _opened(folder: str | Path, above: int | None, *, make: bool = False) -> Iterator[int]:
    # The root may be a link, for operators like to move things; nothing below it may.
    flags = _FOLDER if above is None else _FOLDER | os.O_NOFOLLOW
    try:
        descriptor = os.open(folder, flags, dir_fd=above)
    except FileNotFoundError:
        if not make or above is None:
            raise
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700, dir_fd=above)
        os.fsync(above)
        descriptor = os.open(folder, flags, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _names(folder: int) -> list[str]:
    return os.listdir(folder)


def _touched(folder: int, name: str, size: int | None = None) -> bool:
    """True where the blob is there, of that size; its age begins anew."""
    try:
        os.utime(name, dir_fd=folder, follow_symlinks=False)
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and size in (None, found.st_size)


def _write(folder: int, name: str, data: bytes | Source) -> None:
    draft = f"{_DRAFT}{name}.{uuid.uuid4().hex}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as file:
            for block in blocks_of(data, BLOCK):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft, dir_fd=folder)
        raise


@contextmanager
def _opened_file(folder: int, name: str) -> Iterator[BinaryIO]:
    # O_NONBLOCK: opening a FIFO that somebody has put there does not hang.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no regular file")
        yield file


def _read(folder: int, name: str, limit: int) -> bytes:
    with _opened_file(folder, name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(0, f"it has more than {limit:,} octets")
    return data


def _age(folder: int, name: str) -> float:
    return time.time() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime


def _tidied(folder: int, left: str, age: float) -> None:
    """What a killed process left: a draft that is old goes, a blob about to be dropped comes back (and is young)."""
    with suppress(FileNotFoundError):
        if left.startswith(_DRAFT) and _age(folder, left) >= age:
            os.unlink(left, dir_fd=folder)
        elif left.startswith(_DOOMED):
            _restore(folder, left)


def _restore(folder: int, doomed: str) -> None:
    """Over a file of that name, if there is one: it holds the same octets."""
    os.utime(doomed, dir_fd=folder, follow_symlinks=False)
    os.rename(doomed, doomed.removeprefix(_DOOMED).split(".")[0], src_dir_fd=folder, dst_dir_fd=folder)
