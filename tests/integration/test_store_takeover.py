"""Workers that die or stop, as real processes, and what their heirs find."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from store_conformance import added, an_email, state_of

from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Swept, Takeover
from notifier.testing import EmbeddedValkey

TAKEOVER = Takeover(lease=0.3, at_dot=0.3, bell=0.1)
PATIENCE = 20.0  # seconds

# Claims one mail, and goes one step further for each line that it is told.
WORKER = """
import sys
from notifier.errors import FenceRejected
from notifier.model.state import MailState
from notifier.store import RedisStore
from notifier.store.base import Settlement, Takeover
store = RedisStore(sys.argv[1], takeover=Takeover(lease=0.3, at_dot=0.3, bell=0.1))
claim, = store.claim("mail", "worker", 1)
print("claimed", flush=True)
steps = {"dot": lambda: store.begin_dot([claim]), "sent": lambda: store.settle([Settlement(claim, MailState.SENT)])}
for line in sys.stdin:
    try:
        steps[line.strip()]()
        print("done", flush=True)
    except FenceRejected:
        print("rejected", flush=True)
store.close()
"""


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def store(valkey: EmbeddedValkey) -> Iterator[RedisStore]:
    store = RedisStore(valkey.url, takeover=TAKEOVER)
    yield store
    store._connection.ask(("FLUSHALL",))
    store.close()


class Worker:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def told(self, step: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(step + "\n")
        self.process.stdin.flush()
        return self.heard()

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def a_worker_that_claimed(valkey: EmbeddedValkey) -> Iterator[Worker]:
    command = [sys.executable, "-c", WORKER, valkey.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        worker = Worker(process)
        try:
            assert worker.heard() == "claimed"
            yield worker
        finally:
            process.kill()


def sweep_until_taken_over(store: RedisStore) -> Swept:
    """The store's clock decides; it has no event to wait for."""
    ends = time.monotonic() + PATIENCE
    while True:
        swept = store.sweep("mail")
        if swept.leases_over or swept.unknown:
            return swept
        assert time.monotonic() < ends, "nothing was taken over"
        time.sleep(0.02)


def test_the_mail_of_a_killed_worker_is_claimed_again(store: RedisStore, valkey: EmbeddedValkey) -> None:
    (mail_id,) = added(store)
    with a_worker_that_claimed(valkey) as worker:
        worker.process.kill()
    assert sweep_until_taken_over(store).leases_over == 1
    (heir,) = store.claim("mail", "heir", 10)
    assert (heir.mail_id, heir.fence, heir.crashes) == (mail_id, 2, 1)


def test_a_worker_that_wakes_up_too_late_reaches_no_dot(store: RedisStore, valkey: EmbeddedValkey) -> None:
    added(store)
    with a_worker_that_claimed(valkey) as zombie:
        sweep_until_taken_over(store)
        assert zombie.told("dot") == "rejected"
        (heir,) = store.claim("mail", "heir", 10)
        assert zombie.told("dot") == "rejected"
        assert zombie.told("sent") == "rejected"
        store.begin_dot([heir])


def test_a_worker_killed_at_the_dot_leaves_an_unknown_outcome(store: RedisStore, valkey: EmbeddedValkey) -> None:
    (mail_id,) = added(store, an_email(mail_class="bulk", queue="mail"))
    with a_worker_that_claimed(valkey) as worker:
        assert worker.told("dot") == "done"
        worker.process.kill()
    assert sweep_until_taken_over(store).parked == 1
    assert state_of(store, mail_id) is MailState.PARKED


def test_a_worker_killed_after_the_settlement_leaves_nothing_to_do(store: RedisStore, valkey: EmbeddedValkey) -> None:
    (mail_id,) = added(store)
    with a_worker_that_claimed(valkey) as worker:
        assert worker.told("dot") == "done"
        assert worker.told("sent") == "done"
        worker.process.kill()
    assert store.sweep("mail").due == 0
    assert state_of(store, mail_id) is MailState.SENT
