"""Real workers for tests: a Valkey, a catching server and `celery -A worker worker`, with clocks scaled down."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import redis
from nursery import ReadyWorker, can_make

from notifier.model.state import MailState
from notifier.settings import Settings
from notifier.store.base import MailStatus
from notifier.tasks.app import app, use_settings
from notifier.tasks.bells import gate
from notifier.tasks.result import status
from notifier.tasks.runtime import configure, runtime, shut_down
from notifier.testing import CatchingServer, EmbeddedValkey, Script
from notifier.testing.supervised import SupervisedProcess

TOP = Path(__file__).resolve().parents[1]
PATIENCE = 120.0  # seconds until a wait is given up; nothing is measured by it
# As in production is what a worker that stands still for a while would get wrong: a lease, the deadline of a dot, a final reply.
CLOCKS = {
    "NOTIFIER_RETRY_SCALE": "0.01",
    "NOTIFIER_SWEEP_INTERVAL": "1",
    "NOTIFIER_TIME_SLICE": "1",
}
RELAY = "{relay}"  # in a setting of a plant: the URL of its server
FINAL_REPLY = "timeout_final_reply=2"
# For tests that wait until somebody's time is over: of a lease, of a mail at the dot, or of a reply that never comes. A worker
# that stands still for a second or two has spent an attempt then, or sends a second copy, as it should: who counts those has
# the clocks of production for the worker that takes over (what it takes over was written down by the one before), or kills
# with `Plant.lose`.
HURRIED = {
    "NOTIFIER_LEASE": "3",
    "NOTIFIER_DOT_DEADLINE": "1",
    "NOTIFIER_TCP_USER_TIMEOUT": "0.5",
    "NOTIFIER_DOT_MARGIN": "0.5",
    "NOTIFIER_SMTP_URL": f"{RELAY}&{FINAL_REPLY}",
}
UNHURRIED = {
    "NOTIFIER_LEASE": "60",
    "NOTIFIER_DOT_DEADLINE": "30",
    "NOTIFIER_TCP_USER_TIMEOUT": "30",
    "NOTIFIER_DOT_MARGIN": "60",
    "NOTIFIER_SMTP_URL": RELAY,
}
# Of this owner: meanwhile somebody else may have claimed it.
LAPSE = "if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then redis.call('ZADD', KEYS[2], 'XX', 0, ARGV[2]) end"
# Workers of Celery's that nobody here listens to, and a second of each start.
QUICK = ("--without-mingle", "--without-gossip", "--without-heartbeat")


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
        self.environ.update(naming_the_relay(environ, self.server))
        use_settings(Settings.load({name: text for name, text in self.environ.items() if name.startswith("NOTIFIER_")}))

    def lose(self, worker: SupervisedProcess) -> None:
        """kill -9. The next sweep takes over what it had in hand: nobody waits until its leases and replies are over."""
        theirs = {worker.pid, *(child.pid for child in psutil.Process(worker.pid).children(recursive=True))}
        worker.kill()
        self.lapse(theirs.__contains__)

    @staticmethod
    def lapse(whose: Callable[[int], bool] = lambda _pid: True) -> None:
        """The time of what such processes have in hand is over, as far as the ledger knows; ``whose`` gets their pids."""
        store = runtime().store
        ask, keys = store._connection.ask, store._keys
        for queue in store.queues():
            for index in (keys.index(queue, MailState.CLAIMED), keys.index(queue, MailState.AT_DOT)):
                for mail_id in ask(("ZRANGE", index, 0, -1))[0]:
                    mail = keys.mail(queue, mail_id.decode())
                    (owner,) = ask(("HGET", mail, "owner"))
                    if owner and whose(int(owner.split(b":")[1])):  # else it is settled by now
                        ask(("EVAL", LAPSE, 2, mail, index, owner, mail_id))

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


def naming_the_relay(environ: Mapping[str, str], server: CatchingServer) -> dict[str, str]:
    """With the server's URL where `RELAY` stands for it."""
    return {name: text.replace(RELAY, server.url) for name, text in environ.items()}


@contextmanager
def plant(folder: Path, script: Script | None = None, journal: Path | None = None, **environ: str) -> Iterator[Plant]:
    """Servers up, settings of this process pointing at them; everything is ended afterwards."""
    with EmbeddedValkey() as valkey, CatchingServer(script=script, journal=journal) as server:
        settings = {
            **CLOCKS,
            "NOTIFIER_BROKER_URL": valkey.url,
            "NOTIFIER_SMTP_URL": server.url,
            "NOTIFIER_JOURNAL": str(folder / "journal"),
            **({"NOTIFIER_STORE_URL": valkey.url} if "NOTIFIER_BROKER_URL" in environ else {}),
            **naming_the_relay(environ, server),
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
