"""The same kills on plain Celery with the standard module: what the ledger is for."""

from __future__ import annotations

import math
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
from workers import TOP

from nemesis.application import Application, application
from nemesis.checker import copies_in, judge_without_ledger
from nemesis.patience import GaveUp, in_time, tell, until
from nemesis.plain import VISIBILITY
from nemesis.report import Row
from nemesis.storms import IN_THE_WINDOW, RATE
from notifier.testing import CatchingServer, EmbeddedValkey
from notifier.testing.supervised import SupervisedProcess

BROKER_QUEUE = "celery"
QUIET_FOR = 2.0 * VISIBILITY  # seconds without a mail: whatever can come again has come


@dataclass
class Plain:
    """A plain plant: no TLS, which is a handshake less for each mail."""

    environ: dict[str, str]
    client: redis.Redis
    server: CatchingServer
    application: Application
    workers: list[SupervisedProcess] = field(default_factory=list)

    def worker(self) -> SupervisedProcess:
        """One that consumes."""
        command = [sys.executable, "-m", "celery", "-A", "nemesis.plain", "worker", "-c", "2", "-l", "ERROR"]
        worker = SupervisedProcess([*command, "--without-mingle", "--without-gossip"], env=self.environ, cwd=TOP)
        self.workers.append(worker)
        before = len(self.server.mailbox)
        until(lambda: self.in_brpop() or len(self.server.mailbox) > before, "the worker consumes")
        return worker

    def in_brpop(self) -> bool:
        """True while a main process waits for the next message."""
        return any("b" in one["flags"] and "brpop" in one["cmd"] for one in self.client.client_list())

    def waiting(self) -> int:
        """Messages in the broker's queue, or handed out and not acknowledged."""
        return int(self.client.llen(BROKER_QUEUE)) + int(self.client.hlen("unacked"))


def killed_plain_workers(
    rounds: int, windows: int, rate: float = RATE, seed: int = 1, ends_at: float = math.inf
) -> Row:
    """kill -9 of main process and children, as in `storms.killed_workers`."""
    faults: list[str] = []
    chance = random.Random(seed)  # noqa: S311 - the same rounds again
    with tempfile.TemporaryDirectory(prefix="nemesis-") as place, plain(Path(place)) as made:
        made.application.rate(rate)
        for number in in_time(rounds, ends_at, faults):
            worker = made.worker()
            time.sleep(chance.uniform(0.5, 2.0))
            if number <= windows:
                _freeze_with_a_message(made, worker)
            worker.kill()
            made.application.rate(rate)
            tell(f"plain Celery: {number} of {rounds}, {made.waiting()} messages wait")
        made.application.rate(0)
        made.worker()
        _settled(made)
        account = judge_without_ledger(made.application.requested, copies_in(Path(place) / "accepted.jsonl"))
    name = f"the same on plain Celery (acks_late) with smtplib, {rate:.0f} mails/s"
    return Row(name, len(made.workers) - 1, account, baseline=True, faults=tuple(faults))


def _freeze_with_a_message(made: Plain, worker: SupervisedProcess) -> None:
    made.application.rate(0)
    with suppress(GaveUp):
        until(lambda: not made.waiting(), "the queue is empty", within=2.0 * VISIBILITY)
    until(made.in_brpop, "the main process waits in BRPOP")
    worker.signal(signal.SIGSTOP)
    made.application.burst(IN_THE_WINDOW)


def _settled(made: Plain) -> None:
    """Until nothing has come for so long that nothing more will."""
    seen, since = len(made.server.mailbox), time.monotonic()
    while made.waiting() or time.monotonic() - since < QUIET_FOR:
        time.sleep(0.2)
        if len(made.server.mailbox) != seen:
            seen, since = len(made.server.mailbox), time.monotonic()
        if time.monotonic() - since > 3 * QUIET_FOR:
            return  # what still waits there is lost


@contextmanager
def plain(folder: Path) -> Iterator[Plain]:
    """Broker, relay and application."""
    journal = folder / "accepted.jsonl"
    with EmbeddedValkey() as valkey, CatchingServer(starttls=False, journal=journal) as server:
        environ = {
            **os.environ,
            "PYTHONPATH": f"{TOP / 'tests'}:{TOP}",
            "PLAIN_BROKER": valkey.url,
            "PLAIN_HOST": server.host,
            "PLAIN_PORT": str(server.port),
        }
        with redis.Redis.from_url(valkey.url) as client, application("plain", folder, environ) as calling:
            made = Plain(environ, client, server, calling)
            try:
                yield made
            finally:
                for worker in made.workers:
                    worker.kill()
