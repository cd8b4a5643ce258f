"""What enqueueing costs the caller: `python -m benchmarks.end_to_end.enqueuing BLOCKS SIZE MANY` is the process that calls.

Blocks of one way and the other alternate in it, so that both meet the same machine; the first of each is not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.end_to_end.cases import NOTIFIER, Case
from benchmarks.end_to_end.drain import Watch
from benchmarks.end_to_end.mails import SENDER, TEMPLATE, calls
from benchmarks.end_to_end.plant import Trouble, plant
from benchmarks.smtp.peers import TOP
from benchmarks.smtp.sink import Sink

BUSY_WITH = 400  # mails for a relay that is 100 ms away
FAR = 0.1


@dataclass(frozen=True, slots=True)
class Costs:
    """Processor seconds of the caller, block by block: a mail by itself, an empty task, a mail of many."""

    one: list[float]
    task: list[float]
    many: list[float]


def measure(blocks: int, size: int, many: int, sink: Sink) -> Costs:
    """While a worker is busy with mails for a far relay. Raises `Trouble`."""
    case = Case(NOTIFIER, BUSY_WITH, "enqueue_many", round_trip=FAR)
    with TemporaryDirectory() as folder, plant(sink, case, Path(folder)) as made:
        made.enqueue(case.peer, case.function, 1, case.count)
        with made.worker(case.peer.app, case.slots) as worker:
            Watch(made, case, sink, worker).at(1)
            command = [sys.executable, "-m", "benchmarks.end_to_end.enqueuing", *map(str, (blocks, size, many))]
            done = subprocess.run(command, env=made.environ, cwd=TOP, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Trouble(f"it cannot enqueue: {done.stderr.strip().splitlines()[-1]}")
            if sink.received().mails >= BUSY_WITH:
                raise Trouble("the worker had nothing left to do before the caller was done")
    return Costs(**json.loads(done.stdout))


def main(blocks: int, size: int, many: int) -> None:
    """Enqueue, and say what each block took."""
    from benchmarks.end_to_end.peers import empty, notifier  # noqa: PLC0415 - they want a broker
    from notifier import send_bulk  # noqa: PLC0415 - beside them

    def bulk(numbers: range) -> None:
        recipients = [{**call, "idempotency_key": f"key-{call['to']}"} for call in calls(numbers)]
        rows = send_bulk(template=TEMPLATE, recipients=recipients, sender=SENDER)
        assert all(row.result and row.result.id for row in rows)

    ways: dict[str, tuple[Callable[[range], None], int]] = {
        "one": (notifier.enqueue, size),
        "task": (empty.enqueue, size),
        "many": (bulk, many),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for block in range(blocks + 1):
        for name, (enqueue, count) in ways.items():
            numbers = range(1_000_000 + block * count, 1_000_000 + (block + 1) * count)
            began = time.process_time()
            enqueue(numbers)
            found[name].append((time.process_time() - began) / count)
    print(json.dumps({name: blocks[1:] for name, blocks in found.items()}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
