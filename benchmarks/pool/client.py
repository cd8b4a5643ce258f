"""One story in a process of its own: `python -m benchmarks.pool.client STORY FIRST COUNT PORT…` writes a JSON line.

The relay behind each port gets ``COUNT`` mails, the first one's numbered from ``FIRST``; the line has figures for each.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.pool.stories import Figures, checkout, counted_relays, crowd, relays
from benchmarks.smtp.load import Load

STORIES: Mapping[str, Callable[[Sequence[Load], Sequence[int]], list[Figures]]] = {
    "checkout": checkout,
    "crowd": crowd,
    "relays": relays,
    "relays-counted": counted_relays,
    "relays-window": partial(relays, window=16),
}


def main(story: str, first: str, count: str, *ports: str) -> None:
    """Do it, and say what it took."""
    loads = [Load(int(first) + at * int(count), int(count)) for at in range(len(ports))]
    print(json.dumps(STORIES[story](loads, [int(port) for port in ports])))


if __name__ == "__main__":
    main(*sys.argv[1:])
