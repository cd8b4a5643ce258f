"""One process that enqueues: `python -m benchmarks.end_to_end.client MODULE FUNCTION FIRST COUNT [RATE]` writes a JSON line.

``processor_seconds`` are this process's alone, user and system. With RATE, mails a second, each is enqueued at its time,
and ``called`` has the moment of each call (monotonic seconds).
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

Enqueue = Callable[[Iterable[int]], None]


def main(module: str, function: str, first: str, count: str, rate: str = "") -> None:
    """Enqueue, and say what it took."""
    enqueue: Enqueue = getattr(import_module(module), function)
    numbers = range(int(first), int(first) + int(count))
    gc.collect()
    gc.freeze()
    print(json.dumps(_paced(enqueue, numbers, float(rate)) if rate else _at_once(enqueue, numbers)))


def _at_once(enqueue: Enqueue, numbers: range) -> dict[str, Any]:
    began, used = time.perf_counter(), time.process_time()
    enqueue(numbers)
    return {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used}


def _paced(enqueue: Enqueue, numbers: range, rate: float) -> dict[str, Any]:
    called, used, begun = {}, time.process_time(), time.monotonic()
    for at, number in enumerate(numbers):
        time.sleep(max(0.0, begun + at / rate - time.monotonic()))
        called[number] = time.monotonic()
        enqueue([number])
    return {"called": called, "processor_seconds": time.process_time() - used}


if __name__ == "__main__":
    main(*sys.argv[1:])
