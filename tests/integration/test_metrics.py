"""A prefork worker whose children are recycled, asked by HTTP: what it says is what the server got."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families
from real_servers.ground import held_ports
from workers import TOP, Plant, plant, wait_until

from notifier import send_email
from notifier.cli import metrics
from notifier.testing import Script

pytestmark = pytest.mark.integration
MAILS, SLOTS = 24, 3
ATTEMPTS = MAILS + 1 + 2 + 1  # one is deferred once, and two are refused
STEPS = ("render", "compose", "checkout")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A worker with three children that end after five bells each, and mails of every kind that it has delivered."""
    script = Script().refuse("nobody@example.com").defer_first("later@example.com").refuse("broken@example.com")
    folder = tmp_path_factory.mktemp("metrics")
    with (
        held_ports(1) as (port,),
        plant(folder, script, NOTIFIER_METRICS=str(port)) as made,
    ):
        made.start_worker("--max-tasks-per-child", "2", slots=SLOTS)
        for number in range(MAILS):
            mail = send(f"u{number}@example.com")
            if number % 6 == 0:  # one after the other, so that each has a bell
                made.settle([mail], "sent")
        made.settle([send("nobody@example.com"), send("broken@example.com")], "failed")
        made.settle([send("later@example.com")], "sent")
        wait_until(lambda: all_is_counted(scraped(made)), "all is counted")
        yield made


def send(to: str, **more: object) -> str:
    mail_id: str = send_email.delay(template="welcome", to=to, context={"name": "Zoë"}, **more).id
    return mail_id


def scraped(made: Plant, path: str = "/metrics") -> Samples:
    with urllib.request.urlopen(f"http://127.0.0.1:{made.environ['NOTIFIER_METRICS']}{path}", timeout=20) as answer:
        text = answer.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def awaited(made: Plant, true: Callable[[Samples], bool], what: str, path: str = "/metrics") -> Samples:
    """The figures of the first look at which it is so."""
    seen: Samples = {}

    def found() -> bool:
        seen.clear()
        seen.update(scraped(made, path))
        return true(seen)

    wait_until(found, what)
    return seen


def total(samples: Samples, name: str, **labels: str) -> float:
    return sum(value for (found, theirs), value in samples.items() if found == name and theirs >= labels.items())


def all_is_counted(samples: Samples) -> bool:
    """A child counts a mail a moment after the ledger has it, and its steps last. Whether it is too much is asked later."""
    return (
        total(samples, "notifier_dot_wait_seconds_count") >= MAILS + 1
        and total(samples, "notifier_failures_total", reason="R7") >= 2
        and total(samples, "notifier_retries_total", reason="R2") >= 1
        and all(total(samples, "notifier_step_seconds_count", step=step) >= ATTEMPTS - 1 for step in STEPS)
    )


def test_every_settlement_of_every_child_is_counted_once_though_children_are_recycled(busy: Plant) -> None:
    samples = scraped(busy)
    assert len(busy.server.mailbox) == MAILS + 1
    assert total(samples, "notifier_settled_total", state="sent", template="welcome", queue="mail") == MAILS + 1
    assert total(samples, "notifier_delivery_seconds_count") == MAILS + 1
    assert total(samples, "notifier_failures_total", reason="R7") == 2
    assert total(samples, "notifier_retries_total", reason="R2") == 1
    for step in STEPS:
        assert total(samples, "notifier_step_seconds_count", step=step) >= ATTEMPTS - 1, step
    assert total(samples, "notifier_dot_wait_seconds_count") == MAILS + 1
    assert max(seen_children(busy)) > 3, "no child was recycled"


def seen_children(made: Plant) -> set[int]:
    """Their numbers. A quick one drains what was meant for its neighbours, who then say nothing."""
    return {int(number) for number in re.findall(r"ForkPoolWorker-(\d+)", made.logs())}


def test_gauges_are_those_of_the_living(busy: Plant) -> None:
    samples = awaited(busy, sessions_add_up, "no session is lent, and each that was opened is idle or was retired")
    assert total(samples, "notifier_sessions_retired_total") > 0
    assert 0 <= total(samples, "notifier_sessions") <= 3
    assert total(samples, "notifier_worker_processes") <= 4


def sessions_add_up(samples: Samples) -> bool:
    """A child that is recycled retires its session a moment after its last mail, and counts that before it is idle no more."""
    opened, retired = (total(samples, f"notifier_sessions_{became}_total") for became in ("opened", "retired"))
    in_use, idle = (total(samples, "notifier_sessions", use=use) for use in ("in_use", "idle"))
    return (in_use, idle) == (0, opened - retired)


def test_a_child_that_is_killed_leaves_its_counts_and_takes_its_gauges_along(busy: Plant) -> None:
    before = total(scraped(busy), "notifier_settled_total")
    server = serving(busy).pid
    for child in psutil.Process(busy.workers[0].pid).children():
        if child.pid != server:
            with suppress(ProcessLookupError):  # recycled in this moment
                os.kill(child.pid, signal.SIGKILL)
    wait_until(lambda: total(scraped(busy), "notifier_sessions") == 0, "the sessions of the dead are nobody's")
    assert total(scraped(busy), "notifier_settled_total") == before
    busy.settle([send("after@example.com")], "sent")
    wait_until(lambda: total(scraped(busy), "notifier_settled_total") == before + 1, "the next children count on")


def serving(made: Plant) -> psutil.Process:
    (found,) = filter(listens, psutil.Process(made.workers[0].pid).children())
    return found


def listens(child: psutil.Process) -> bool:
    try:
        return any(one.status == psutil.CONN_LISTEN for one in child.net_connections("tcp"))
    except psutil.NoSuchProcess:  # recycled in this moment
        return False


def test_the_stores_figures_are_apart_and_are_the_ledgers_own(busy: Plant) -> None:
    first = send("key@example.com", idempotency_key="once")
    assert send("key@example.com", idempotency_key="once") == first
    busy.settle([first], "sent")
    samples = awaited(busy, all_live, "all slots live", "/metrics/store")
    sent = busy.server.mailbox
    assert total(samples, "notifier_store_up") == 1
    assert total(samples, "notifier_edges_total", from_state="at_dot", to_state="sent") == len(sent)
    assert total(samples, "notifier_edges_total", from_state="new", to_state="waiting") == len(sent) + 2
    assert total(samples, "notifier_duplicates_suppressed_total") == 1
    assert samples["notifier_unknown_total", frozenset({("queue", "mail"), ("cause", "Z8")})] == 0
    assert total(samples, "notifier_mails", state="failed") == 2
    assert not any(name.startswith("notifier_settled") for name, _ in samples)
    assert not any(name == "notifier_mails" for name, _ in scraped(busy))


def all_live(samples: Samples) -> bool:
    """A worker that stands still for as long as it may give no sign of life has none meanwhile."""
    return total(samples, "notifier_live_slots", queue="mail") == SLOTS


def test_a_server_that_ends_is_followed_by_another(busy: Plant) -> None:
    before = serving(busy)
    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: over(before), "it answers no more")

    def answers() -> bool:
        try:
            return total(scraped(busy), "notifier_settled_total") > 0
        except OSError:
            return False

    wait_until(answers, "another answers, with all the figures")


def test_where_the_store_is_away_the_scrape_says_so_and_the_workers_own_figures_go_on(busy: Plant) -> None:
    busy.valkey.signal(signal.SIGSTOP)
    try:
        assert scraped(busy, "/metrics/store") == {("notifier_store_up", frozenset()): 0.0}
        assert total(scraped(busy), "notifier_settled_total") > 0
    finally:
        busy.valkey.signal(signal.SIGCONT)
    samples = awaited(busy, all_live, "it is back, and so are the slots", "/metrics/store")
    assert total(samples, "notifier_store_up") == 1


def test_the_command_prints_the_stores_figures(busy: Plant) -> None:
    assert "notifier_store_up 1.0" in printed()
    in_text = f'notifier_live_slots{{queue="mail"}} {float(SLOTS)}'
    wait_until(lambda: in_text in printed(), "all slots live")
    in_json = {"name": "notifier_live_slots", "labels": {"queue": "mail"}, "value": SLOTS}
    wait_until(lambda: in_json in json.loads(printed("--json")), "all slots live")


def printed(*words: str) -> str:
    found = CliRunner().invoke(metrics.command, words)
    assert found.exit_code == 0, found.output
    return found.output


def test_the_command_serves_them_until_it_is_told_to_end(busy: Plant) -> None:
    program = [sys.executable, "-c", "from notifier.cli import main; main()", "metrics", "--listen", "0", "--json"]
    with subprocess.Popen(program, env=busy.environ, cwd=TOP, text=True, stdout=subprocess.PIPE) as serving_them:
        assert serving_them.stdout is not None
        url = json.loads(serving_them.stdout.readline())["url"]
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own
            assert b"notifier_store_up 1.0" in answer.read()
        serving_them.send_signal(signal.SIGTERM)
        rest, _ = serving_them.communicate(timeout=30)
    assert (rest, serving_them.returncode) == ("", 0), "standard output is the program's"


def test_threads_count_in_the_workers_own_process(tmp_path: Path) -> None:
    with held_ports(1) as (port,), plant(tmp_path, NOTIFIER_METRICS=str(port)) as made:
        made.start_worker("-P", "threads")
        made.settle([send(f"u{number}@example.com") for number in range(5)], "sent")
        wait_until(lambda: total(scraped(made), "notifier_settled_total", state="sent") == 5, "all is counted")
        assert total(scraped(made), "notifier_worker_processes") == 1


def test_the_server_goes_with_its_worker(busy: Plant) -> None:
    server = serving(busy)
    os.kill(busy.workers[0].pid, signal.SIGKILL)
    wait_until(lambda: over(server), "the server has gone too")


def over(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
