"""A worker from its start to its end: what probes see, what SIGHUP does, how it drains, and how its children are replaced."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from workers import Plant, plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import Phase
from notifier.model.health import Health
from notifier.model.state import MailState
from notifier.model.worker import WorkerRecord, WorkerState
from notifier.tasks.life import NO_BROKER
from notifier.tasks.presence import VERSION
from notifier.tasks.runtime import runtime
from notifier.testing import EmbeddedValkey, Script
from notifier.testing.supervised import SupervisedProcess

# A slot would claim for a minute, if it was not told to end.
PATIENT = {"NOTIFIER_TIME_SLICE": "60", "NOTIFIER_LEASE": "90"}


def send(number: int = 0, **more: object) -> str:
    call = {"template": "welcome", "to": f"zoe-{number}@example.com", "context": {"name": "Zoë"}, **more}
    mail_id: str = send_email.delay(**call).id
    return mail_id


def probe(made: Plant, name: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", "from notifier.cli import main; main()", name],
        check=False,
        env=made.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def health(made: Plant) -> Health:
    return Health.read(Path(made.environ["NOTIFIER_HEALTH"]).read_text(encoding="utf-8"))


def those_who_live() -> list[WorkerRecord]:
    """As the registry has them. Whoever was held up for a moment is in it again with its next sign of life."""
    found: list[WorkerRecord] = []

    def somebody() -> bool:
        found[:] = runtime().store.workers()
        return bool(found)

    wait_until(somebody, "a worker is in the registry")
    return found


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plant, SupervisedProcess]]:
    """A worker for the tests of this file that leave it as it was."""
    folder = tmp_path_factory.mktemp("life")
    sender = folder / "sender"
    sender.write_text("one@shop.example")
    # A word is good for six seconds: far longer than a busy machine holds a main process up.
    chosen = {"NOTIFIER_HEALTH": str(folder / "health"), "NOTIFIER_SWEEP_INTERVAL": "0.5"}
    with plant(folder, **chosen, NOTIFIER_FROM_FILE=str(sender)) as made:
        worker = made.start_worker(slots=1)
        wait_until((folder / "health").exists, "it has said how it is")  # a moment after the registry knows of it
        yield made, worker


def test_the_registry_tells_who_a_worker_is(up: tuple[Plant, SupervisedProcess]) -> None:
    _, worker = up
    (found,) = those_who_live()
    assert (found.pid, found.version, found.state) == (worker.pid, VERSION, WorkerState.RUNNING)
    assert (found.queues, found.concurrency, found.pool_kind) == (("mail", "mail.bulk", "mail.urgent"), 1, "prefork")


def test_probes_find_a_worker_alive_and_ready(up: tuple[Plant, SupervisedProcess]) -> None:
    made, worker = up
    wait_until(lambda: not health(made).hindrance, "broker and store are reached")
    assert probe(made, "alive") == (0, f"alive (process {worker.pid})\n")
    assert probe(made, "ready") == (0, f"ready (process {worker.pid})\n")


def test_sighup_reads_settings_again_that_look_unchanged(up: tuple[Plant, SupervisedProcess]) -> None:
    """Same length, same time, same file: only the signal makes the worker look."""
    made, worker = up
    made.settle([send()], "sent")
    file = Path(made.environ["NOTIFIER_FROM_FILE"])
    before = file.stat()
    file.write_text("two@shop.example")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    worker.signal(signal.SIGHUP)
    wait_until(lambda: "changed settings are in use" in made.logs(), "the main process has read them")
    made.settle([send()], "sent")
    assert [mail.reverse_path for mail in made.server.mailbox] == ["one@shop.example", "two@shop.example"]
    assert worker.running


def test_without_store_and_broker_a_worker_is_alive_and_not_ready(up: tuple[Plant, SupervisedProcess]) -> None:
    made, worker = up
    made.valkey.kill()
    try:
        wait_until(lambda: bool(health(made).hindrance), "it has noticed")
        noticed = health(made)
        wait_until(lambda: health(made).until > noticed.until + 7, "it says so for longer than a word is good")
        assert probe(made, "alive")[0] == 0
        code, words = probe(made, "ready")
        assert (code, "not ready" in words) == (1, True)
    finally:
        made.valkey.start()
    wait_until(lambda: probe(made, "ready")[0] == 0, "it has found them again")
    made.settle([send()], "sent")
    assert worker.running


def test_a_main_process_that_stands_still_is_not_alive(tmp_path: Path) -> None:
    chosen = {"NOTIFIER_HEALTH": str(tmp_path / "health"), "NOTIFIER_SWEEP_INTERVAL": "0.2"}
    with plant(tmp_path, **chosen) as made:
        worker = made.start_worker(slots=1)
        wait_until(lambda: probe(made, "alive")[0] == 0, "it has said that it lives")
        worker.signal(signal.SIGSTOP)
        try:
            wait_until(lambda: probe(made, "alive")[0] == 1, "its word is no longer good")
            assert "is stuck or was killed" in probe(made, "alive")[1]
        finally:
            worker.signal(signal.SIGCONT)
        wait_until(lambda: probe(made, "alive")[0] == 0, "it goes on")


def test_told_to_end_it_hands_the_rest_back_and_another_sends_it_though_its_children_are_replaced(
    tmp_path: Path,
) -> None:
    chosen = {**PATIENT, "NOTIFIER_HEALTH": str(tmp_path / "health"), "NOTIFIER_SWEEP_INTERVAL": "0.5"}
    the_others_know = threading.Event()
    script = Script().at(Phase.FINAL_REPLY, "250 2.0.0 Kept", times=2)
    script.hold(Phase.FINAL_REPLY, the_others_know, times=1).delay(Phase.FINAL_REPLY, 0.3)
    with plant(tmp_path, script, **chosen) as made:
        first = made.start_worker(slots=1)
        ids = [send(number) for number in range(12)]
        wait_until(lambda: len(made.server.mailbox) == 3, "it waits for its third reply")
        first.signal(signal.SIGTERM)
        wait_until(lambda: [one.state for one in runtime().store.workers()] == ["draining"], "the others know")
        assert runtime().store.live_slots("mail") == 0
        the_others_know.set()
        wait_until(lambda: not first.running, "it ends by itself")

        found = [notifier.status(one) for one in ids]
        waiting = [one for one in found if one.state is MailState.WAITING]
        assert Counter(one.state for one in found) == {MailState.SENT: 3, MailState.WAITING: 9}
        assert {(one.attempt, one.crashes, one.unknowns) for one in waiting} == {(0, 0, 0)}
        assert runtime().store.workers() == []
        assert not (tmp_path / "health").exists()

        before = len(made.server.visits)
        made.environ |= {"NOTIFIER_TIME_SLICE": "0.05", "NOTIFIER_BATCH": "2"}
        second = made.start_worker("--max-tasks-per-child", "1", slots=2)  # a batch is longer than its slice
        made.settle(ids, "sent")
        second.signal(signal.SIGTERM)
        wait_until(lambda: not second.running and made.server.visits.now == 0, "it ends by itself, and its visits too")
        assert len(set(re.findall(r"ForkPoolWorker-\d+", made.logs()))) > 2, "no child was replaced"
        once_each = sorted(f"zoe-{number}@example.com" for number in range(12))
        assert sorted(path for mail in made.server.mailbox for path in mail.recipients) == once_each
        assert {notifier.status(one).crashes for one in ids} == {0}
        assert [visit.number for visit in list(made.server.visits)[before:] if not visit.said_quit] == []


def test_a_broker_that_hangs_is_told_before_celery_has_noticed(tmp_path: Path) -> None:
    """Its connection looks as ever, and the worker's main process goes on."""
    chosen = {"NOTIFIER_HEALTH": str(tmp_path / "health"), "NOTIFIER_SWEEP_INTERVAL": "0.5"}
    with EmbeddedValkey() as broker, plant(tmp_path, **chosen, NOTIFIER_BROKER_URL=broker.url) as made:
        made.start_worker(slots=1)
        wait_until(lambda: probe(made, "ready")[0] == 0, "store and broker are reached")
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: health(made).hindrance == NO_BROKER, "it has noticed")
            assert "onnection to broker lost" not in made.logs()
            assert probe(made, "alive")[0] == 0
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        wait_until(lambda: not health(made).hindrance, "it has found it again")
        made.settle([send()], "sent")
