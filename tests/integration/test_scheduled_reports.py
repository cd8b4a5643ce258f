"""Reports with real beats, workers and a Valkey: each period once for each recipient, whoever is killed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from reporting_plant import RECIPIENTS, reporting
from workers import wait_until

REDBEAT = ("-S", "redbeat.RedBeatScheduler")


def test_two_beats_at_once_send_each_period_once(tmp_path: Path) -> None:
    with reporting(tmp_path, "tick") as ours:
        ours.start_worker()
        ours.start_worker()
        first, _ = ours.start_beat(), ours.start_beat()
        ours.wait_for_periods(3)
        first.kill()
        ours.wait_for_periods(2)
        assert ours.doubled() == {}
        assert ours.left_out() == []
        assert set(ours.runs().values()) == {1}


def test_of_two_redbeats_one_is_killed_and_no_period_is_lost_or_doubled(tmp_path: Path) -> None:
    with reporting(tmp_path, "tick") as ours:
        ours.start_worker()
        first = ours.start_beat(*REDBEAT)
        ours.wait_for_periods(1)
        ours.start_beat(*REDBEAT)
        ours.wait_for_periods(1)
        first.kill()  # it has the lock
        ours.wait_for_periods(3)
        assert "Acquired lock" in (tmp_path / "worker-beat-1.log").read_text()
        assert ours.doubled() == {}
        assert ours.left_out() == []
        assert set(ours.runs().values()) == {1}


def test_a_worker_process_that_is_killed_between_recipients_leaves_the_others_to_the_next(tmp_path: Path) -> None:
    with reporting(tmp_path, "tick", "killed") as ours:
        ours.start_worker()
        ours.start_beat()
        ours.wait_for_periods(2)
        assert (tmp_path / "once-killed").exists()
        assert ours.doubled() == {}
        assert set(ours.runs().values()) == {1}


def test_periods_that_ended_while_no_worker_was_there_are_caught_up(tmp_path: Path) -> None:
    with reporting(tmp_path, "tick") as ours:
        worker = ours.start_worker()
        ours.start_beat()
        ours.wait_for_periods(1)
        worker.kill()
        gone = len(ours.complete())
        coming = json.loads(ours.command("next", "tick", "--count", "3", "--json").stdout)
        third = datetime.fromisoformat(coming[-1]["at"])
        wait_until(lambda: datetime.now(UTC) > third, "three periods have ended")
        ours.start_worker()
        ours.wait_for_periods(3)
        assert len(ours.complete()) > gone
        # Two slots send what waits, and a later period may be complete a moment before an earlier one.
        wait_until(lambda: ours.left_out() == [], "the periods between have arrived")
        assert ours.doubled() == {}


def test_a_report_that_fails_is_made_again_and_its_words_are_not_told(tmp_path: Path) -> None:
    with reporting(tmp_path, "flaky") as ours:
        ours.start_worker()
        ours.start_beat()
        ours.wait_for_periods(1)
        assert max(ours.runs().values()) == 2
        assert "builtins.ConnectionError in flaky" in ours.plant.logs()
        assert "zoe-in-the-words" not in ours.plant.logs()


def test_a_report_that_is_given_up_is_shown_and_says_why(tmp_path: Path) -> None:
    policies = tmp_path / "policies.toml"
    policies.write_text('[retry."reporting.Broken"]\nladder = ["1s"]\nattempts = 1\n')
    with reporting(tmp_path, "broken", NOTIFIER_POLICIES=str(policies)) as ours:
        ours.start_worker()
        ours.start_beat()
        wait_until(lambda: bool(ours.stands("broken")["past"]), "it is given up", 0.5)
        last = ours.stands("broken")["past"][-1]
        assert (last["state"], last["why"].split(",")[0]) == ("failed", "reporting.Broken in broken")
        assert ours.runs()[f"broken {last['period']}"] == 1
        shown = ours.command("list")
        assert "failed" in shown.stdout
        assert "zoe-in-the-words" not in shown.stdout + ours.plant.logs()


def test_a_report_that_ends_its_workers_ends_three_of_them(tmp_path: Path) -> None:
    with reporting(tmp_path, "deadly") as ours:
        ours.start_worker()
        ours.start_beat()
        wait_until(lambda: bool(ours.stands("deadly")["past"]), "it is given up", 0.5)
        last = ours.stands("deadly")["past"][-1]
        assert last["why"] == "its worker ended 3 times in it"
        assert ours.runs()[f"deadly {last['period']}"] == 3


def test_a_chart_is_shown_in_the_mail_and_a_table_goes_along(tmp_path: Path) -> None:
    with reporting(tmp_path, "charted") as ours:
        ours.start_worker()
        found = ours.command("run", "charted", "--json")
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout)["state"] == "sent"
        assert ours.plant.server.mailbox.wait_for(RECIPIENTS, timeout=60)
        message = next(iter(ours.plant.server.mailbox)).message
        parts = {part.get_filename(): part for part in message.walk() if part.get_filename()}
        assert parts["days.png"]["Content-ID"].endswith("@notifier>")
        assert parts["days.png"].get_content_disposition() == "inline"
        assert parts["orders.csv"].get_content_disposition() == "attachment"


def test_a_period_that_was_sent_is_run_again_only_for_somebody_else(tmp_path: Path) -> None:
    with reporting(tmp_path, "tick") as ours:
        ours.start_worker()
        at = "2026-11-23T08:00"
        assert ours.command("run", "tick", "--period", at).returncode == 0
        again = ours.command("run", "tick", "--period", at)
        assert again.returncode == 1
        assert "was sent; --to sends it to somebody else" in again.stderr
        assert ours.command("run", "tick", "--period", at, "--to", "ida@example.com").returncode == 0
        assert ours.plant.server.mailbox.wait_for(RECIPIENTS + 1, timeout=60)
        assert ours.doubled() == {}


def test_a_report_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with reporting(tmp_path, "tick") as ours:
        found = ours.command("next", "tock")
        assert (found.returncode, found.stderr) == (1, "notifier: there is no report 'tock'; known: tick\n")


def test_a_module_that_cannot_be_imported_ends_the_start_with_its_name(tmp_path: Path) -> None:
    with reporting(tmp_path, "tick") as ours:
        ours.plant.environ["NOTIFIER_REPORTS"] = "nowhere.reports"
        found = ours.command("list")
        assert found.returncode == 1
        assert "NOTIFIER_REPORTS names nowhere.reports, which cannot be imported" in found.stderr


def test_the_delivery_report_tells_what_the_settlements_counted(tmp_path: Path) -> None:
    with reporting(tmp_path, "tick", NOTIFIER_DELIVERY_REPORT_TO="ops@example.com") as ours:
        ours.start_worker()
        assert ours.command("run", "tick").returncode == 0
        assert ours.plant.server.mailbox.wait_for(RECIPIENTS, timeout=60)
        # The days of a weekly report are over; that of a period which ends tomorrow is today.
        found = ours.command("run", "notifier-delivery", "--to", "ops@example.com", "--period", "2026-11-23T09:00")
        assert found.returncode == 0, found.stderr
        assert ours.plant.server.mailbox.wait_for(RECIPIENTS + 1, timeout=60)
        (mail,) = ours.plant.server.mailbox.search("ops@example.com")
        assert mail.subject.startswith("Delivery, 16–22 November 2026")
        assert {part.get_filename() for part in mail.message.walk() if part.get_filename()} >= {
            "delivery.csv",
            "days.png",
        }
