"""Beats and workers of an application that has reports."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psutil
from workers import TOP, Plant, plant, wait_until

from notifier.model.pause import Pause
from notifier.model.state import MailState
from notifier.reports.periods import instant_named
from notifier.tasks.runtime import runtime
from notifier.testing.supervised import SupervisedProcess

RECIPIENTS = 5
EVERY = 2  # seconds
PERIOD = re.compile(r"20\d\d-\d\d-\d\dT[\d:]+Z")


@dataclass
class Reporting:
    """``plant`` with what is about reports."""

    plant: Plant
    app: str
    reports: Sequence[str]
    beats: list[SupervisedProcess] = field(default_factory=list)

    def launch_worker(self) -> SupervisedProcess:
        return self.plant.launch_worker(app=self.app)

    def start_beat(self, *options: str) -> SupervisedProcess:
        number = len(self.beats)
        log = self.plant.folder / f"worker-beat-{number}.log"
        with log.open("wb") as file:
            command = [sys.executable, "-m", "celery", "-A", self.app, "beat", "-l", "INFO", "--pidfile="]
            schedule = () if options else ("-s", str(self.plant.folder / f"beat-{number}"))
            beat = SupervisedProcess([*command, *schedule, *options], env=self.plant.environ, cwd=TOP, output=file)
        self.beats.append(beat)
        return beat

    def kill(self) -> None:
        """Every worker and beat."""
        for process in (*self.plant.workers, *self.beats):
            process.kill()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from notifier.cli import main; main()"
        command = [sys.executable, "-c", code, "report", *arguments]
        return subprocess.run(
            command, env=self.plant.environ, cwd=TOP, capture_output=True, text=True, timeout=60, check=False
        )

    def runs(self) -> Counter[str]:
        """How often each function ran for each period."""
        file = self.plant.folder / "runs"
        return Counter(file.read_text().splitlines() if file.exists() else [])

    def arrived(self) -> Counter[tuple[str, str]]:
        """How many mails each recipient has of each period."""
        found = Counter[tuple[str, str]]()
        for mail in self.plant.server.mailbox:
            period = PERIOD.search(mail.text())
            assert period, mail.text()
            found[period[0], mail.recipients[0]] += 1
        return found

    def wait_until(self, true: Callable[[], bool], what: str) -> None:
        """Meanwhile what a killed process had is over at once: a lease that is so short would end where a process stands still
        for a while, too, and another one would make its report once more.
        """

        def found() -> bool:
            self.lapse()
            return true()

        wait_until(found, what, 0.2, self.plant.last_words)

    def lapse(self) -> None:
        """The time of the periods that the killed ones have is over, as far as the ledger knows."""
        store = runtime().store
        ask, keys = store._connection.ask, store._keys
        for name in self.reports:
            begin = keys.report(name)
            looked_at = store.reports.look(name).now
            for one in store.reports.stands(name)[0]:
                (owner,) = ask(("HGET", f"{begin}period:{one.period}", "owner"))
                # Whose time is over already, somebody may take in this moment: that one's time is none of ours.
                if owner and one.due_at > looked_at and not psutil.pid_exists(int(owner.split(b":")[1])):
                    ask(("ZADD", f"{begin}open", "XX", 0, one.period))

    @contextmanager
    def nobody_at_work(self) -> Iterator[None]:
        """No mail is in a worker's hand; periods end and mails are stored as ever."""
        store, queue = runtime().store, Pause("queue", "mail")
        store.pause(queue, "so that nobody is killed at a dot")
        in_hand = (MailState.CLAIMED, MailState.AT_DOT)
        wait_until(lambda: not any(store.counts("mail")[state] for state in in_hand), "nobody is at work")
        try:
            yield
        finally:
            store.resume(queue)

    def wait_for_periods(self, count: int) -> None:
        """Until so many more periods have reached everybody."""
        before = len(self.complete())
        self.wait_until(lambda: len(self.complete()) >= before + count, f"{count} more periods have arrived")

    def wait_for_all_until(self, period: str) -> None:
        """Until that period and each before it have reached everybody; they may overtake each other."""
        self.wait_until(
            lambda: period in self.complete() and not self.left_out(period), f"nothing is left out by {period}"
        )

    def complete(self) -> set[str]:
        """The periods that have reached everybody."""
        periods = Counter(period for period, _ in self.arrived())
        return {period for period, recipients in periods.items() if recipients == RECIPIENTS}

    def doubled(self) -> dict[tuple[str, str], int]:
        return {one: count for one, count in self.arrived().items() if count > 1}

    def left_out(self, until: str) -> list[float]:
        """The steps between periods that arrived, up to one, which are not the interval, seconds."""
        ends = sorted(instant_named(period).timestamp() for period in self.complete() if period <= until)
        return [later - earlier for earlier, later in pairwise(ends) if later - earlier != EVERY]


@contextmanager
def reporting(folder: Path, *reports: str, app: str = "reporting_app", **environ: str) -> Iterator[Reporting]:
    """Servers up, nothing else; every process is ended afterwards."""
    with plant(folder, **environ) as made:
        made.environ |= {
            "PYTHONPATH": f"{TOP}:{TOP / 'tests' / 'programs'}",
            "NOTIFIER_REPORTS": "reporting",
            "REPORTING": " ".join(reports),
            "REPORTING_FILE": str(folder / "runs"),
            **{name: made.environ[name] for name in environ},
        }
        ours = Reporting(made, app, reports)
        try:
            yield ours
        finally:
            ours.kill()
