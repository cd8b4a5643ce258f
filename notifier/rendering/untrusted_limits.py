"""`Limits`: what the child may take that renders an untrusted template."""

from __future__ import annotations

import math
import resource
from dataclasses import dataclass

FILES = 64  # descriptors; templates, images and catalogs are read one after the other


@dataclass(frozen=True, slots=True)
class Limits:
    """``processor`` and ``wall`` are seconds, ``memory`` (the whole address space) and ``output`` octets.

    ``wall`` is long: a template cannot sleep, and a busy machine makes none bad.
    """

    processor: float = 5.0
    wall: float = 60.0
    memory: int = 512 * 2**20
    output: int = 32 * 2**20

    def apply(self) -> None:
        """To this process and for good. No file can be written, and nothing be started but by root."""
        spent = resource.getrusage(resource.RUSAGE_SELF)
        # A second more: what does not hang in one call into C is stopped before, and told with its line.
        seconds = math.ceil(spent.ru_utime + spent.ru_stime + self.processor) + 1
        _lower(resource.RLIMIT_CPU, seconds, seconds + 1)
        _lower(resource.RLIMIT_AS, self.memory)
        _lower(resource.RLIMIT_NOFILE, FILES)
        for none in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
            _lower(none, 0)


def _lower(which: int, soft: int, hard: int | None = None) -> None:
    """An administrator's own limit may be lower still."""
    wanted = soft if hard is None else hard
    _, now = resource.getrlimit(which)
    most = wanted if now == resource.RLIM_INFINITY else min(wanted, now)
    resource.setrlimit(which, (min(soft, most), most))
