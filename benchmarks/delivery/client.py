"""One case in a process of its own: `python -m benchmarks.delivery.client STORY URL PORT COUNT [NUMBER…]` writes a JSON line.

The numbers are the story's own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks.delivery.stories import Figures, deliver, memory, steps
from benchmarks.delivery.workers import worker

STORIES: Mapping[str, Callable[[str, int, int, Sequence[int]], Figures]] = {
    "deliver": deliver,
    "steps": steps,
    "memory": memory,
    "worker": worker,
}


def main(story: str, url: str, port: str, count: str, *numbers: str) -> None:
    """Do it, and say what it took."""
    print(json.dumps(STORIES[story](url, int(port), int(count), [int(number) for number in numbers])))


if __name__ == "__main__":
    main(*sys.argv[1:])
