"""What a worker holds, after more and more mails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.end_to_end.cases import NOTIFIER, Case
from benchmarks.end_to_end.drain import Watch
from benchmarks.end_to_end.plant import plant
from benchmarks.processes import family, resident
from benchmarks.smtp.sink import Sink


@dataclass(frozen=True, slots=True)
class Held:
    """Octets of the main process and of its largest child, after so many mails."""

    mails: int
    main: int
    child: int


def held(mails: int, portions: int, sink: Sink) -> list[Held]:
    """One worker, from the first mail to the last. Raises `Trouble`."""
    found, portion = [], max(1, mails // portions)
    case = Case(NOTIFIER, portion * portions, "enqueue_many")
    with (
        TemporaryDirectory() as folder,
        plant(sink, case, Path(folder)) as made,
        made.worker(case.peer.app, case.slots) as worker,
    ):
        watch = Watch(made, case, sink, worker)
        for at in range(portions):
            made.enqueue(case.peer, case.function, 1 + at * portion, portion)
            watch.at((at + 1) * portion)
            main, *children = map(resident, family(worker.pid))
            found.append(Held((at + 1) * portion, main, max(children)))
    return found
