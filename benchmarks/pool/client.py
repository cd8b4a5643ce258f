"""One story in a process of its own: `python -m benchmarks.pool.client STORY PORT FIRST COUNT` writes a JSON line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial

from benchmarks.pool.stories import Figures, checkout, crowd, through
from benchmarks.smtp.load import Load

STORIES: Mapping[str, Callable[[int, Load], Figures]] = {
    "checkout": checkout,
    "crowd": crowd,
    "through": through,
    "through-window": partial(through, window=16),
}


def main(story: str, port: str, first: str, count: str) -> None:
    """Do it, and say what it took."""
    print(json.dumps(STORIES[story](int(port), Load(int(first), int(count)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
