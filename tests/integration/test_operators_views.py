"""`notifier queue` and `notifier top`: what flows, for people and for programs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from store_conformance import a_worker
from workers import Plant, plant, wait_until

from notifier import send_email
from notifier.cli import queue, top
from notifier.cli.flow import Flow
from notifier.errors import NotifierError
from notifier.model.state import MailState
from notifier.store.base import Settlement
from notifier.tasks.overview import overview
from notifier.tasks.runtime import runtime


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Two mails wait, one of them for later; a worker is said to live."""
    with plant(tmp_path_factory.mktemp("views")) as made:
        call = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}}
        send_email.delay(**call)
        send_email.apply_async(kwargs=call, countdown=3600)
        runtime().store.register_worker(a_worker(slots=3), ttl=3600)
        yield made


def test_a_queue_is_told_with_what_is_due_and_what_waits(works: Plant) -> None:
    done = CliRunner().invoke(queue.command, ["--json", "--every", "0.1", "mail"])
    (found,) = json.loads(done.output)
    assert (found["depth"], found["waiting"], found["in_flight"], found["slots"]) == (2, 2, 0, 3)
    assert found["oldest"] > 0
    assert found["rate"] == 0.0


def test_a_queue_that_is_not_there_is_an_error_that_names_those_that_are(works: Plant) -> None:
    done = CliRunner().invoke(queue.command, ["nowhere", "--every", "0.1"])
    assert isinstance(done.exception, NotifierError)
    assert "there are: mail" in str(done.exception)


def test_the_rate_is_of_the_time_between_two_looks(works: Plant) -> None:
    flow = Flow()
    assert [one.rate for one in flow.look(overview())] == [None]
    store = runtime().store
    (claim,) = store.claim("mail", "worker-1", 1)
    assert [one.in_flight for one in flow.look(overview())] == [1]
    store.begin_dot([claim])
    store.settle([Settlement(claim, MailState.SENT)])
    (found,) = flow.look(overview())
    assert found.rate is not None
    assert found.rate > 0
    assert (found.depth, found.oldest) == (1, None)


def test_top_without_a_terminal_prints_once(works: Plant) -> None:
    done = CliRunner(env={"COLUMNS": "160"}).invoke(top.command)
    (endpoint,) = runtime().settings.endpoints
    assert done.exit_code == 0
    assert all(words in done.output for words in ("mails to send", endpoint.name, "closed", "worker"))
    found = json.loads(CliRunner().invoke(top.command, ["--json"]).output)
    assert [one["queue"] for one in found["queues"]] == ["mail"]
    assert [one["id"] for one in found["workers"]] == ["worker-1"]


def test_top_in_a_terminal_ends_with_q_and_leaves_it_as_it_was(works: Plant) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from notifier.cli import main; main()", "top", "--every", "0.2"]
    shown = b""
    with subprocess.Popen(
        command, env={**works.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}, stdin=theirs, stdout=theirs
    ) as process:
        os.close(theirs)
        os.set_blocking(ours, False)

        def read() -> bytes:
            nonlocal shown
            try:
                shown += os.read(ours, 65536)
            except OSError:
                time.sleep(0)  # nothing yet, or the other side is closed
            return shown

        wait_until(lambda: b"sent a second" in read(), "the view is there")
        os.write(ours, b"q")
        wait_until(lambda: process.poll() is not None or not read(), "it ends")
        wait_until(lambda: b"\x1b[?1049l" in read(), "the first screen is back")
        assert process.wait() == 0
    os.close(ours)
