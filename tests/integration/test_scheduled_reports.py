"""Reports with real beats, workers and a Valkey: each period once for each recipient, whoever is killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from reporting_plant import EVERY, RECIPIENTS, Reporting, reporting
from workers import wait_until

from notifier.reports.periods import Period, instant_named
from notifier.store.reports import PastPeriod
from notifier.tasks.runtime import runtime

REDBEAT = ("-S", "redbeat.RedBeatScheduler")
BROKEN = '[retry."reporting.Broken"]\nladder = ["1s"]\nattempts = 1\n'


class Killed(NamedTuple):
    """``runs``: of the functions, before whole workers were killed, which may be in the midst of one."""

    ours: Reporting
    runs: Counter[str]
    last: str


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """A shop's own app with two workers and two beats, of which one is killed; then no worker for three periods."""
    folder = tmp_path_factory.mktemp("killed")
    with reporting(folder, "tick", "killed", app="reporting_shop", NOTIFIER_REPORTS="nowhere reporting") as ours:
        workers = [ours.launch_worker(), ours.launch_worker()]
        beats = [ours.start_beat(), ours.start_beat()]
        ours.wait_for_periods(2)
        beats[0].kill()
        ours.wait_for_periods(1)
        ours.wait_for_all_until(max(ours.complete()))
        with ours.nobody_at_work():
            runs = ours.runs()
            for worker in workers:
                ours.plant.lose(worker)
        third = instant_named(max(ours.complete())) + 3 * timedelta(seconds=EVERY)
        wait_until(lambda: datetime.now(UTC) > third, "three periods have ended")
        ours.launch_worker()
        last = Period(third, third).key
        ours.wait_for_all_until(last)
        ours.kill()
        yield Killed(ours, runs, last)


def test_each_period_is_sent_once_whoever_is_killed(killed: Killed) -> None:
    assert (killed.ours.plant.folder / "once-killed").exists()  # a worker's process, between two recipients
    assert killed.ours.doubled() == {}


def test_what_a_function_has_said_is_not_asked_again(killed: Killed) -> None:
    assert set(killed.runs.values()) == {1}


def test_periods_that_ended_while_no_worker_was_there_are_caught_up(killed: Killed) -> None:
    assert killed.last in killed.ours.complete()
    assert killed.ours.left_out(killed.last) == []


def test_a_module_that_cannot_be_imported_is_told_and_keeps_no_other_report(killed: Killed) -> None:
    assert "NOTIFIER_REPORTS names nowhere, which cannot be imported" in killed.ours.plant.logs()


def test_of_two_redbeats_one_is_killed_and_no_period_is_lost_or_doubled(tmp_path: Path) -> None:
    with reporting(tmp_path, "tick") as ours:
        ours.launch_worker()
        first = ours.start_beat(*REDBEAT)
        ours.wait_for_periods(1)
        ours.start_beat(*REDBEAT)
        ours.wait_for_periods(1)
        first.kill()  # it has the lock
        ours.wait_for_periods(3)
        ours.wait_for_all_until(max(ours.complete()))
        assert "Acquired lock" in (tmp_path / "worker-beat-1.log").read_text()
        assert ours.doubled() == {}
        assert set(ours.runs().values()) == {1}


class Failing(NamedTuple):
    """``given_up``: the first period that was; ``shown``: the list that a person sees."""

    ours: Reporting
    given_up: dict[str, PastPeriod]
    shown: str


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failing]:
    """One report that raises once, one that always does and is given up at once, and one that ends its workers."""
    folder = tmp_path_factory.mktemp("failing")
    (folder / "policies.toml").write_text(BROKEN)
    policies = str(folder / "policies.toml")
    with reporting(folder, "flaky", "broken", "deadly", NOTIFIER_POLICIES=policies) as ours:
        ours.launch_worker()
        ours.start_beat()
        ours.wait_for_periods(1)
        for name in ("broken", "deadly"):
            ours.wait_until(lambda name=name: bool(given_up(name)), f"{name} is given up")  # type: ignore[misc]
        shown = ours.command("list").stdout
        ours.kill()
        yield Failing(ours, {name: given_up(name)[-1] for name in ("broken", "deadly")}, shown)


def given_up(name: str) -> list[PastPeriod]:
    return [one for one in runtime().store.reports.stands(name)[1] if one.state == "failed"]


def test_a_report_that_fails_is_made_again_and_its_words_are_not_told(failing: Failing) -> None:
    assert max(count for run, count in failing.ours.runs().items() if run.startswith("flaky")) == 2
    assert "builtins.ConnectionError in flaky" in failing.ours.plant.logs()
    assert "zoe-in-the-words" not in failing.ours.plant.logs()


def test_a_report_that_is_given_up_is_shown_and_says_why(failing: Failing) -> None:
    last = failing.given_up["broken"]
    assert last.why.split(",")[0] == "reporting.Broken in broken"
    assert failing.ours.runs()[f"broken {last.period}"] == 1
    assert "failed" in failing.shown
    assert "zoe-in-the-words" not in failing.shown + failing.ours.plant.logs()


def test_a_report_that_ends_its_workers_ends_three_of_them(failing: Failing) -> None:
    last = failing.given_up["deadly"]
    assert last.why == "its worker ended 3 times in it"
    assert failing.ours.runs()[f"deadly {last.period}"] == 3


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reporting]:
    """No beat: only what a person runs is sent."""
    folder = tmp_path_factory.mktemp("quiet")
    with reporting(folder, "tick", "charted", NOTIFIER_DELIVERY_REPORT_TO="ops@example.com") as ours:
        ours.launch_worker()
        yield ours


def test_a_chart_is_shown_in_the_mail_and_a_table_goes_along(quiet: Reporting) -> None:
    before = len(quiet.plant.server.mailbox)
    found = quiet.command("run", "charted", "--json")
    assert json.loads(found.stdout)["state"] == "sent", found.stderr
    assert quiet.plant.server.mailbox.wait_for(before + RECIPIENTS, timeout=60)
    message = list(quiet.plant.server.mailbox)[before].message
    parts = {part.get_filename(): part for part in message.walk() if part.get_filename()}
    assert parts["days.png"]["Content-ID"].endswith("@notifier>")
    assert parts["days.png"].get_content_disposition() == "inline"
    assert parts["orders.csv"].get_content_disposition() == "attachment"


def test_a_report_that_is_not_there_is_told_in_one_line(quiet: Reporting) -> None:
    found = quiet.command("next", "tock")
    known = "charted, notifier-delivery, tick"
    assert (found.returncode, found.stderr) == (1, f"notifier: there is no report 'tock'; known: {known}\n")


def test_the_delivery_report_tells_what_the_settlements_counted(quiet: Reporting) -> None:
    # The days of a weekly report are over.
    found = quiet.command("run", "notifier-delivery", "--to", "ops@example.com", "--period", "2026-11-23T09:00")
    assert found.returncode == 0, found.stderr
    mailbox = quiet.plant.server.mailbox
    wait_until(lambda: bool(mailbox.search("ops@example.com")), "the delivery report is there")
    (mail,) = mailbox.search("ops@example.com")
    assert mail.subject.startswith("Delivery, 16–22 November 2026")
    names = {part.get_filename() for part in mail.message.walk() if part.get_filename()}
    assert names >= {"delivery.csv", "days.png"}
