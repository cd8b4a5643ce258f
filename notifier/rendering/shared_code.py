"""`SharedCode`: code of templates that one process of a worker has made, for all of them.

It lies in anonymous memory that the worker's main process makes before it forks. It has no name, so that nobody else can put code into
it, and it ends with the worker, so that it is of this Python, this Jinja2 and this release alone: a cache on disk would have to prove all
of that before it is run. Where there is none, or no room in it, each process makes its own code as ever.
"""

from __future__ import annotations

import fcntl
import hashlib
import marshal
import os
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from jinja2 import Environment
from jinja2.bccache import Bucket, BytecodeCache

MOST = 128 * 2**20  # octets: some thousands of templates
_HEADER = struct.Struct("!32s32sI")  # key, SHA-256 of the value, its length
_WRITING, _LINKING = 0, 1  # octets of the file that are locked, whatever is in them
_TRIES, _PAUSE = 5, 0.001  # never waited for longer: the process that writes may have been stopped


class SharedCode:
    """Values are what `marshal` takes. Safe to share between threads, and between processes that were forked behind it."""

    def __init__(self, most: int = MOST) -> None:
        self._file = _anonymous()
        self._most = most
        self._places: dict[bytes, tuple[int, int, bytes]] = {}
        self._end = 0  # of what this process has looked at

    def newest(self, key: bytes) -> int | None:
        """Another number for each value that was put under the key; None where there is none."""
        with _lock:
            self._look()
            found = self._places.get(key)
        return found[0] if found else None

    def get(self, key: bytes) -> Any:
        """The last value that was put under the key; None where there is none."""
        if self.newest(key) is None:
            return None
        at, size, digest = self._places[key]
        octets = os.pread(self._file, size, at)
        return marshal.loads(octets) if hashlib.sha256(octets).digest() == digest else None  # noqa: S302 - our own

    def put(self, key: bytes, value: Any) -> None:
        """For all processes, where there is room."""
        octets = marshal.dumps(value)
        record = _HEADER.pack(key, hashlib.sha256(octets).digest(), len(octets)) + octets
        with _lock:
            if self._locked(_WRITING, _TRIES):
                try:
                    self._append(record)
                finally:
                    fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _WRITING)

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """True for one process at a time; the others get False at once."""
        ours = self._locked(_LINKING, 1)
        try:
            yield ours
        finally:
            if ours:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _LINKING)

    def _locked(self, octet: int, tries: int) -> bool:
        for number in range(tries):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, octet)
            except OSError:
                time.sleep(_PAUSE if number + 1 < tries else 0)
            else:
                return True
        return False

    def _append(self, record: bytes) -> None:
        self._look()
        if self._end + len(record) > self._most:
            return
        try:
            # A process that was killed as it wrote has left a part of a record, and all have stopped before it.
            os.ftruncate(self._file, self._end)
            os.pwrite(self._file, record, self._end)
        except OSError:
            return  # no room: what there is of it is no record
        self._look()

    def _look(self) -> None:
        size = os.fstat(self._file).st_size
        while self._end + _HEADER.size <= size:
            key, digest, length = _HEADER.unpack(os.pread(self._file, _HEADER.size, self._end))
            begin = self._end + _HEADER.size
            if begin + length > size:
                break
            self._places[key] = (begin, length, digest)
            self._end = begin + length


def _anonymous() -> int:
    """A descriptor of a file without a name, which no program that is executed gets."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("notifier-code")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


# Of all of a process's threads. The one that holds it at a fork is not in the child.
_lock = threading.Lock()


def _fresh_lock() -> None:
    global _lock  # noqa: PLW0603 - see above
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_fresh_lock)


class EnvironmentsCode(BytecodeCache):
    """What Jinja2 asks for the code of an environment's files. Environments of one ``kind`` make the same code of the same source."""

    def __init__(self, shared: SharedCode, kind: str) -> None:
        self.shared = shared
        self.kind = kind

    def of_kind(self, kind: str) -> EnvironmentsCode:
        """For environments that make other code of the same source."""
        return EnvironmentsCode(self.shared, kind)

    def key(self, *words: str) -> bytes:
        """Of what the environments of this kind know by the words."""
        return hashlib.sha256("\0".join((self.kind, *words)).encode("utf-8", "surrogatepass")).digest()

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Jinja2's own is made by SHA-1, which some systems refuse."""
        return f"{name}\0{filename}"

    def get_source_checksum(self, source: str) -> str:
        """As above."""
        return digest_of(source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Jinja2's own contract."""
        found = self.shared.get(self.key("file", bucket.key, bucket.checksum))
        if isinstance(found, CodeType):
            bucket.code = found

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Jinja2's own contract."""
        self.shared.put(self.key("file", bucket.key, bucket.checksum), bucket.code)


def code_of(environment: Environment) -> EnvironmentsCode | None:
    """Where the environment's code is shared; None where it is not."""
    found = environment.bytecode_cache
    return found if isinstance(found, EnvironmentsCode) else None


def digest_of(source: str) -> str:
    """Of a file's text."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
