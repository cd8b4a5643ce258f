"""Light load: a mail now and then, to a worker that has nothing else to do. From the call to the relay's last word."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.end_to_end.cases import DJANGO, NOTIFIER, Case
from benchmarks.end_to_end.drain import Watch, looked_at
from benchmarks.end_to_end.plant import plant
from benchmarks.smtp.sink import Sink

RATE = 20  # mails a second
WARM = 20  # mails before: both children have been at work
OURS, THEIRS = "**Notifier**, `send_email.delay()`", "django-celery-email, `send()`"
PEERS = {OURS: NOTIFIER, THEIRS: DJANGO}


def light(name: str, mails: int, sink: Sink) -> list[float]:
    """Seconds of each mail, sorted. Raises `Trouble`."""
    case = Case(PEERS[name], WARM)
    with TemporaryDirectory() as folder, plant(sink, case, Path(folder)) as made:
        sink.keep()
        with made.worker(case.peer.app, case.slots) as worker:
            made.enqueue(case.peer, case.function, 1, WARM)
            watch = Watch(made, case, sink, worker)
            watch.at(WARM)
            called = made.enqueue(case.peer, case.function, WARM + 1, mails, str(RATE))["called"]
            watch.at(WARM + mails)
            accepted = looked_at(sink, range(1, WARM + mails + 1))
    return sorted(accepted[int(number)] - moment for number, moment in called.items())


def part(seconds: list[float], of: float) -> float:
    """A percentile, ``of`` from 0 to 1."""
    return seconds[min(len(seconds) - 1, int(of * len(seconds)))]
