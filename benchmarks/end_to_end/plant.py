"""A Valkey, the sink, and whoever enqueues or works there, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from benchmarks.end_to_end.cases import Case, Peer
from benchmarks.end_to_end.peers.environment import BROKER, PORT
from benchmarks.processes import celery_worker, clean_environ
from benchmarks.smtp.delay import delayed
from benchmarks.smtp.peers import TOP
from benchmarks.smtp.sink import Sink
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.testing import EmbeddedValkey
from notifier.testing.supervised import SupervisedProcess

QUEUES = ("mail", "mail.bulk")
RUN_SECONDS = 1800


class Trouble(Exception):
    """There is no figure, and why."""


@dataclass(frozen=True, slots=True)
class Plant:
    """``environ``: for every process of the run; ``server``: the Valkey, asked from here."""

    url: str
    environ: Mapping[str, str]
    server: Any
    store: RedisStore
    folder: Path

    def enqueue(self, peer: Peer, function: str, first: int, count: int, *more: str) -> dict[str, Any]:
        """What a process that enqueues says of itself. Raises `Trouble`."""
        words = [peer.module, function, str(first), str(count), *more]
        command = [sys.executable, "-m", "benchmarks.end_to_end.client", *words]
        done = subprocess.run(
            command, env=self.environ, cwd=TOP, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
        if done.returncode:
            raise Trouble(f"it cannot enqueue: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @contextmanager
    def worker(self, app: str, slots: int) -> Iterator[SupervisedProcess]:
        """`celery -A app worker -c slots`."""
        with celery_worker(app, self.environ, slots=slots, log=self.log) as process:
            yield process

    @property
    def log(self) -> Path:
        """What the worker has said."""
        return self.folder / "worker.log"

    def sent(self) -> int:
        """Mails that the ledger calls sent."""
        return sum(self.store.counts(queue)[MailState.SENT] for queue in QUEUES)

    def valkey_used(self) -> float:
        """Processor seconds of the store."""
        used = self.server.info("cpu")
        return float(used["used_cpu_user"] + used["used_cpu_sys"])


@contextmanager
def plant(sink: Sink, case: Case, folder: Path, **more: str) -> Iterator[Plant]:
    """For one case. ``more``: settings of ours."""
    port = sink.port if case.chunking else sink.plain_port
    sink.reset()
    with ExitStack() as stack:
        if case.round_trip:
            port = stack.enter_context(delayed(port, case.round_trip))
        url = stack.enter_context(EmbeddedValkey()).url
        environ = {
            **clean_environ(),
            BROKER: url,
            PORT: str(port),
            "NOTIFIER_BROKER_URL": url,
            "NOTIFIER_SMTP_URL": f"smtp://127.0.0.1:{port}?tls=none{case.options}",
            "NOTIFIER_JOURNAL": str(folder / "journal"),
            **more,
        }
        store = RedisStore(url)
        stack.callback(store.close)
        server = stack.enter_context(redis.Redis.from_url(url))
        yield Plant(url, environ, server, store, folder)
