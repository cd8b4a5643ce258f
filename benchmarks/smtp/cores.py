"""Which core does what: the servers have one, and the clients, one at a time, have another.

Left alone, the scheduler puts a client and a server that wait for each other on one core as often as not, and then a
client that waits four times for each mail pays next to nothing for it. No relay shares a core with its clients.
"""

from __future__ import annotations

import os

_THERE = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
APART = len(_THERE) > 1


def keep_for_clients() -> None:
    """This process, and each that it starts from now on."""
    if APART:
        os.sched_setaffinity(0, {_THERE[0]})


def keep_for_servers(process: int) -> None:
    """A process, by its id."""
    if APART:
        os.sched_setaffinity(process, {_THERE[-1]})
