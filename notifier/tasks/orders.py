"""`Orders`: what a worker's main process has told its slots, in memory that its children share.

A signal reaches the main process alone. Its handler writes an octet here, and each slot looks before it claims.
"""

from __future__ import annotations

import mmap

DRAIN, RELOADS = 0, 1


class Orders:
    """Of one worker. Before `prepare`, and in a child that was not forked (``worker_pool_start_method`` spawn), nothing
    is ever ordered: a slot then ends with its time slice.
    """

    def __init__(self) -> None:
        self._memory: mmap.mmap | bytearray = bytearray(2)

    def prepare(self) -> None:
        """Take memory that is this worker's own, before its children are made."""
        self._memory = mmap.mmap(-1, 2)

    def release(self) -> None:
        """The worker has ended, and its process goes on: a test's, say."""
        self._memory = bytearray(2)

    def drain(self) -> None:
        """Claim nothing any more. There is no way back."""
        self._memory[DRAIN] = 1

    @property
    def draining(self) -> bool:
        """True once `drain` was called."""
        return self._memory[DRAIN] == 1

    def reload(self) -> None:
        """Read the settings again."""
        self._memory[RELOADS] = (self._memory[RELOADS] + 1) % 256

    @property
    def reloads(self) -> int:
        """Another number after each `reload`."""
        return self._memory[RELOADS]


orders = Orders()
