"""Who calls the outbox' sweeper in a real worker: the worker itself, or beat; and a database that hangs."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from shops import Shop, shop_with
from workers import TOP, plant, wait_until

import notifier
from notifier.testing.supervised import SupervisedProcess

TASK = "notifier.integrations.django.sweeping_task"


def test_a_worker_of_the_project_sweeps_by_itself(open_shop: Shop) -> None:
    """Nobody calls the sweeper here, and no beat runs."""
    open_shop.made.environ.update(open_shop.environ)
    open_shop.made.start_worker("-I", TASK, slots=2)
    open_shop.killed("order", "committed", number="1")
    open_shop.call("forward")
    wait_until(lambda: open_shop.row()["state"] == "settled", "the row is settled")
    assert open_shop.copies() == dict.fromkeys(open_shop.rows(), 1)
    assert "Traceback" not in open_shop.made.logs()


def test_beat_calls_the_sweep_of_a_worker_that_would_not(tmp_path: Path) -> None:
    with shop_with(tmp_path, NOTIFIER_SWEEP_INTERVAL="3600") as opened:
        made = opened.made
        made.environ.update(opened.environ, PYTHONPATH=f"{opened.environ['PYTHONPATH']}:{TOP / 'tests' / 'programs'}")
        made.start_worker(app="beating_shop", slots=1)
        opened.killed("order", "committed", number="1")
        opened.call("forward")
        with beat(made.environ, tmp_path) as said:
            wait_until(lambda: "notifier.sweep_outbox" in said.read_text(), "beat has called it")
            wait_until(lambda: opened.row()["state"] == "settled", "the row is settled")
        assert opened.copies() == dict.fromkeys(opened.rows(), 1)


@contextmanager
def beat(environ: dict[str, str], folder: Path) -> Iterator[Path]:
    command = [sys.executable, "-m", "celery", "-A", "beating_shop", "beat", "--pidfile=", "-s", str(folder / "beat")]
    log = folder / "beat.log"
    with log.open("wb") as said:
        process = SupervisedProcess([*command, "-l", "INFO"], env=environ, cwd=TOP, output=said)
    try:
        yield log
    finally:
        process.kill()


def swept(logs: str) -> int:
    return sum("notifier.sweep_outbox" in line and " succeeded in " in line for line in logs.splitlines())


@pytest.fixture
def dumb_server() -> Iterator[int]:
    """The port of a database whose host takes connections and says nothing any more."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield int(listener.getsockname()[1])


def test_a_database_that_hangs_takes_one_slot_and_the_others_send(tmp_path: Path, dumb_server: int) -> None:
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": "127.0.0.1", "PORT": dumb_server}
    with plant(tmp_path) as made:
        made.environ.update(Shop(made, database).environ)
        made.start_worker("-I", TASK, slots=2)
        wait_until(lambda: swept(made.logs()) >= 2, "it was called again, and gave way")
        result = notifier.send_email.delay(template="welcome", to="zoe@example.com", context={"name": "Zoë"})
        made.settle([result.id], "sent")
