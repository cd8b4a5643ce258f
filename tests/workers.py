"""Real workers for tests: a Valkey, a catching server and `celery -A worker worker`, with clocks scaled down."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
from nursery import ReadyWorker, can_make

from notifier.settings import Settings
from notifier.store.base import MailStatus
from notifier.tasks.app import app, use_settings
from notifier.tasks.bells import gate
from notifier.tasks.result import status
from notifier.tasks.runtime import configure, shut_down
from notifier.testing import CatchingServer, EmbeddedValkey, Script
from notifier.testing.supervised import SupervisedProcess

TOP = Path(__file__).resolve().parents[1]
PATIENCE = 120.0  # seconds until a wait is given up; nothing is measured by it
CLOCKS = {
    "NOTIFIER_RETRY_SCALE": "0.01",
    "NOTIFIER_SWEEP_INTERVAL": "1",
    "NOTIFIER_LEASE": "3",
    "NOTIFIER_DOT_DEADLINE": "1",
    "NOTIFIER_TCP_USER_TIMEOUT": "0.5",
    "NOTIFIER_DOT_MARGIN": "0.5",
    "NOTIFIER_TIME_SLICE": "1",
}
# A worker that stands still for CLOCKS' second at a dot has spent an attempt, as it should: a busy machine is enough for it.
# Tests that count attempts and end no worker by force have the clocks of production.
UNHURRIED = {"NOTIFIER_LEASE": "60", "NOTIFIER_DOT_DEADLINE": "30"}
# Workers of Celery's that nobody here listens to, and a second of each start.
QUICK = ("--without-mingle", "--without-gossip", "--without-heartbeat")
FINAL_REPLY = "timeout_final_reply=2"


def wait_until(
    true: Callable[[], bool], what: str, look_every: float = 0.02, evidence: Callable[[], str] = lambda: ""
) -> None:
    """Look until it is so. Raises `AssertionError` with ``what``, and with the evidence as it is then."""
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends, f"waited {PATIENCE:.0f} s in vain: {what}{evidence()}"
        time.sleep(look_every)


@dataclass
class Plant:
    """What a test works with. This process is the application that enqueues."""

    valkey: EmbeddedValkey
    server: CatchingServer
    environ: dict[str, str]
    folder: Path
    workers: list[SupervisedProcess] = field(default_factory=list)

    def start_worker(
        self, *options: str, slots: int = 2, app: str = "worker", output: int | None = None
    ) -> SupervisedProcess:
        """A worker that is up when this returns. ``output``: a descriptor for its log, in place of a file."""
        worker = self.launch_worker(*options, slots=slots, app=app, output=output)
        wait_until(lambda: self.registered(worker) or not worker.running, "the worker is up")
        assert worker.running, self.logs()
        return worker

    def launch_worker(
        self, *options: str, slots: int = 2, app: str = "worker", output: int | None = None
    ) -> SupervisedProcess:
        """One that will be up in a while."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        arguments = ["-A", app, "worker", "-c", str(slots), "-l", "INFO", *QUICK, *options]
        with log.open("wb") as file:
            said = file.fileno() if output is None else output
            if can_make(self.environ, arguments):
                worker: SupervisedProcess = ReadyWorker(arguments, env=self.environ, cwd=TOP, output=said)
            else:
                command = [sys.executable, "-m", "celery", *arguments]
                worker = SupervisedProcess(command, env=self.environ, cwd=TOP, output=said)
        self.workers.append(worker)
        return worker

    def use(self, **environ: str) -> None:
        """Other settings, for this process and for the workers that are started from now on."""
        self.environ.update(environ)
        use_settings(Settings.load({name: text for name, text in self.environ.items() if name.startswith("NOTIFIER_")}))

    def registered(self, worker: SupervisedProcess) -> bool:
        """True once the worker's main process has given a sign of life."""
        with redis.Redis.from_url(self.valkey.url) as client:
            owners = client.zrange("notifier:{mail}:workers", 0, -1)
        return any(f":{worker.pid}:".encode() in owner for owner in owners)

    def blocked_in_brpop(self) -> bool:
        """True while a worker's main process waits for the broker's next message."""
        with redis.Redis.from_url(self.valkey.url) as client:
            return any("b" in one["flags"] and "brpop" in one["cmd"] for one in client.client_list())

    def logs(self) -> str:
        """What all workers have said."""
        return "\n".join(log.read_text(errors="replace") for log in sorted(self.folder.glob("worker-*.log")))

    def last_words(self, lines: int = 12) -> str:
        """The end of each worker's log, and whether it runs."""
        said = (
            (worker, (self.folder / f"worker-{number}.log").read_text(errors="replace").splitlines()[-lines:])
            for number, worker in enumerate(self.workers)
        )
        return "\n".join("\n".join([f"worker {one.pid}, running: {one.running}", *text]) for one, text in said)

    def status(self, mail_id: str) -> MailStatus:
        """Of a mail."""
        return status(mail_id)

    def taken(self, mail_id: str) -> bool:
        """True once the relay has the mail, whatever became of its reply: nobody can look too late."""
        return any(mail_id in one.message_id for one in self.server.mailbox)

    def settle(self, mail_ids: list[str], *states: str) -> None:
        """Wait until each mail is in one of the states."""
        left = list(mail_ids)

        def done() -> bool:
            left[:] = [mail_id for mail_id in left if status(mail_id).state not in states]
            return not left

        def evidence() -> str:
            stands = "\n".join(f"{mail_id}: {status(mail_id).state}, {status(mail_id).history}" for mail_id in left[:3])
            return f"\n{len(left)} of {len(mail_ids)} are not; the first:\n{stands}\n{self.last_words()}"

        wait_until(done, f"mails in {states}", evidence=evidence)


@contextmanager
def plant(folder: Path, script: Script | None = None, journal: Path | None = None, **environ: str) -> Iterator[Plant]:
    """Servers up, settings of this process pointing at them; everything is ended afterwards."""
    with EmbeddedValkey() as valkey, CatchingServer(script=script, journal=journal) as server:
        settings = {
            **CLOCKS,
            "NOTIFIER_BROKER_URL": valkey.url,
            "NOTIFIER_SMTP_URL": f"{server.url}&{FINAL_REPLY}",
            "NOTIFIER_JOURNAL": str(folder / "journal"),
            **({"NOTIFIER_STORE_URL": valkey.url} if "NOTIFIER_BROKER_URL" in environ else {}),
            **environ,
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
        gate.suspect()
        use_settings(Settings.load(settings))
        app.__dict__.pop("amqp", None)  # with queues of another broker's kind, where a test before had one
        made = Plant(valkey, server, {**inherited, **settings}, folder)
        try:
            yield made
        finally:
            for worker in made.workers:
                worker.kill()  # a test that has to see its orderly end has ended it
            shut_down(0.0)
            configure(None)
