"""Light load: a mail now and then, to a worker that has nothing else to do. From the call to the relay's last word."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.end_to_end.cases import DJANGO, NOTIFIER, Case
from benchmarks.end_to_end.drain import Watch, looked_at
from benchmarks.end_to_end.plant import plant
from benchmarks.processes import rest
from benchmarks.smtp.sink import Sink

RATE = 20  # mails a second
WARM = 800  # mails before: both children have been at work, and have linked the template (at its 200th use)
OURS, THEIRS = "**Notifier**, `send_email.delay()`", "django-celery-email, `send()`"
PEERS = {OURS: NOTIFIER, THEIRS: DJANGO}


def light(name: str, mails: int, sink: Sink) -> list[float]:
    """Seconds of each mail, sorted. Raises `Trouble`."""
    warm = min(WARM, 2 * mails)
    case = Case(PEERS[name], warm)
    with TemporaryDirectory() as folder, plant(sink, case, Path(folder)) as made:
        sink.keep()
        with made.worker(case.peer.app, case.slots) as worker:
            made.enqueue(case.peer, case.function, 1, warm)
            watch = Watch(made, case, sink, worker)
            watch.at(warm)
            rest([worker.pid])
            called = made.enqueue(case.peer, case.function, warm + 1, mails, str(RATE))["called"]
            watch.at(warm + mails)
            accepted = looked_at(sink, range(1, warm + mails + 1))
    return sorted(accepted[int(number)] - moment for number, moment in called.items())


def part(seconds: list[float], of: float) -> float:
    """A percentile, ``of`` from 0 to 1."""
    return seconds[min(len(seconds) - 1, int(of * len(seconds)))]
