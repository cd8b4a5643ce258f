"""`Figures`: what the processes of one worker count, in memory that they share.

Each process writes into a slot of its own, and whoever exposes the figures adds the slots up. A slot's owner holds a lock on
one octet of the file, which the kernel takes back however the process ends. Whoever comes next goes on in a slot that has no
owner, so what was counted stays counted, and there are never more slots than there were processes at once. Gauges of a slot
without an owner are nobody's. Nothing is sent, so a process that is killed takes nothing along; and nothing is written to a
disk, where the system has memory files.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import struct
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import count

from notifier.telemetry.metrics import BY_NAME, Kind, Metric

SLOT = 512 * 1024  # octets; a whole number of any system's pages
_HEAD = 8  # octets: how many of a slot are in use
_RECORD = struct.Struct("=II")  # octets of the key, and how many numbers follow it
Series = tuple[str, tuple[str, ...]]


class Figures:
    """Made by a worker's main process before its pool; a forked process finds it and takes a slot at its first figure."""

    def __init__(self) -> None:
        self._file = _memory_file()
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """In a child: what was the parent's is the parent's still."""
        self._lock = threading.Lock()
        self._slot: Slot | None = None

    def add(self, metric: str, labels: tuple[str, ...], amount: float = 1.0) -> None:
        """Count, or move a gauge up or down."""
        with self._lock:
            slot = self._slot or self._taken()
            if (at := slot.place(metric, labels)) is not None:
                slot.numbers[at] += amount

    def observe(self, metric: str, labels: tuple[str, ...], value: float) -> None:
        """Into a histogram."""
        buckets = BY_NAME[metric].buckets
        with self._lock:
            slot = self._slot or self._taken()
            if (at := slot.place(metric, labels)) is not None:
                slot.numbers[at + bisect_left(buckets, value)] += 1
                slot.numbers[at + len(buckets) + 1] += value

    def known(self, label: str) -> set[str]:
        """What a bounded label says in this process's slot, its former owners' values too; whoever counts a new one adds it."""
        with self._lock:
            return (self._slot or self._taken()).known.setdefault(label, set())

    def _taken(self) -> Slot:
        for number in count():
            if self._locked(number):
                # Two may do so at once, and neither makes the file shorter.
                os.pwrite(self._file, b"\0", (number + 1) * SLOT - 1)
                self._slot = Slot(self._file, number)
                return self._slot
        raise AssertionError("slots never end")

    def _locked(self, number: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number * SLOT)
        except OSError:
            return False
        return True

    def read(self) -> tuple[dict[Series, list[float]], int]:
        """The sums of all slots, and how many of them have an owner."""
        sums: dict[Series, list[float]] = {}
        owners = 0
        for number in range(os.fstat(self._file).st_size // SLOT):
            is_owned = self._is_owned(number)
            owners += is_owned
            for (name, labels), numbers in _records(os.pread(self._file, SLOT, number * SLOT)):
                if name in BY_NAME and (is_owned or BY_NAME[name].kind is not Kind.GAUGE):
                    before = sums.setdefault((name, labels), [0.0] * len(numbers))
                    before[:] = [one + other for one, other in zip(before, numbers, strict=True)]
        return sums, owners

    def _is_owned(self, number: int) -> bool:
        if self._slot is not None and self._slot.number == number:
            return True
        if not self._locked(number):
            return True
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number * SLOT)
        return False


class Slot:
    """One process's part of the file: records of a key and its numbers, one behind the other. Not shared between threads."""

    def __init__(self, file: int, number: int) -> None:
        self.number = number
        self._map = mmap.mmap(file, SLOT, offset=number * SLOT)
        self.numbers = memoryview(self._map).cast("d")
        self._used = memoryview(self._map)[:_HEAD].cast("Q")
        self._places: dict[Series, int] = {}
        self.known: dict[str, set[str]] = {}
        octets = self._map[:]
        for (name, labels), at, numbers in _placed(octets):
            self._places[name, labels] = at
            self._remember(BY_NAME[name], labels)
            if BY_NAME[name].kind is Kind.GAUGE:  # the former owner's
                self.numbers[at : at + numbers] = memoryview(bytes(8 * numbers)).cast("d")

    def _remember(self, metric: Metric, labels: tuple[str, ...]) -> None:
        for label, value in zip(metric.labels, labels, strict=True):
            if label in metric.bounded:
                self.known.setdefault(label, set()).add(value)

    def place(self, metric: str, labels: tuple[str, ...]) -> int | None:
        """Where the numbers of a series begin. None where the slot is full: it is not counted any more."""
        key = metric, labels
        at = self._places.get(key)
        if at is None and (at := self._written(key, BY_NAME[metric].values)) is not None:
            self._places[key] = at
        return at

    def _written(self, key: Series, numbers: int) -> int | None:
        text = json.dumps([key[0], *key[1]]).encode()
        text += b" " * (-(_RECORD.size + len(text)) % 8)  # a number is written at once where it is aligned
        begin = self._used[0] or _HEAD
        at = begin + _RECORD.size + len(text)
        end = at + 8 * numbers
        if end > SLOT:
            return None
        self._map[begin:end] = _RECORD.pack(len(text), numbers) + text + bytes(8 * numbers)
        self._used[0] = end  # last: whoever reads meanwhile sees whole records
        return at // 8


def _records(octets: bytes) -> Iterator[tuple[Series, Sequence[float]]]:
    numbers = memoryview(octets).cast("d")
    for series, at, many in _placed(octets):
        yield series, numbers[at : at + many].tolist()


def _placed(octets: bytes) -> Iterator[tuple[Series, int, int]]:
    """Each series, where its numbers begin, and how many they are."""
    (used,) = struct.unpack_from("=Q", octets)
    begin = _HEAD
    while begin < used:
        size, numbers = _RECORD.unpack_from(octets, begin)
        at = begin + _RECORD.size + size
        name, *labels = json.loads(octets[begin + _RECORD.size : at])
        yield (name, tuple(labels)), at // 8, numbers
        begin = at + 8 * numbers


def _memory_file() -> int:
    """A descriptor that forked processes have too; nothing is left of the file when the last of them has ended."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("notifier-metrics")
    with tempfile.TemporaryFile(prefix="notifier-metrics-") as file:
        return os.dup(file.fileno())
