"""The example of a plain script: the commands of its README with a real worker, beat, Valkey and SMTP server."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from celery.beat import PersistentScheduler
from workers import TOP, Plant, plant, wait_until

from notifier.tasks import report
from notifier.tasks.runtime import runtime
from notifier.testing import CaughtMail
from notifier.testing.supervised import SupervisedProcess

EXAMPLE = TOP / "examples" / "plain_script"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
WORKER, BEAT, RUN = re.findall(r"^    (.+)$", README, re.MULTILINE)
WEEKLY = ["boss@example.com", "ida@example.com"]  # whom the report goes to
LONG_AGO = 1_700_000_000.0  # up to where somebody had looked when beat went away


def command(line: str) -> list[str]:
    program, *arguments = shlex.split(line)
    call = ["-m", "celery"] if program == "celery" else ["-c", "from notifier.cli import main; main()"]
    return [sys.executable, *call, *arguments]


def left_an_hour_ago(schedule: Path) -> None:
    """Beat's own file, as it was when beat went away: it looks at once then, and not at the next minute."""
    app = Celery(set_as_current=False)
    app.conf.beat_schedule = {report.ENTRY: dict(report.BEAT_ENTRY)}
    scheduler = PersistentScheduler(app=app, schedule_filename=str(schedule))
    scheduler.schedule[report.ENTRY].last_run_at = datetime.now(UTC) - timedelta(hours=1)
    scheduler.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Its worker and its beat run, and last Monday nobody was there."""
    with plant(tmp_path_factory.mktemp("plain")) as works:
        works.environ |= {"PYTHONPATH": str(TOP), "NOTIFIER_REPORTS": "reports"}
        reports = runtime().store.reports
        assert reports.open("weekly-orders", reports.look("weekly-orders"), LONG_AGO, [], [])
        left_an_hour_ago(works.folder / "beat")
        for number, line in enumerate((WORKER, BEAT)):
            extra = ["-s", str(works.folder / "beat"), "--pidfile="] if line == BEAT else ["-c", "2"]
            with (works.folder / f"worker-{number}.log").open("wb") as log:
                process = SupervisedProcess([*command(line), *extra], env=works.environ, cwd=EXAMPLE, output=log)
            works.workers.append(process)
        yield works


def arrived(made: Plant, *whom: str) -> list[CaughtMail]:
    """Their mails, once there is one for each."""
    found: dict[str, CaughtMail] = {}

    def all_there() -> bool:
        found.update({mail.recipients[0]: mail for mail in made.server.mailbox})
        return found.keys() >= set(whom)

    wait_until(all_there, f"mails to {whom}: {made.logs()}", 0.2)
    return [found[one] for one in whom]


def test_its_readme_is_short() -> None:
    assert len(README.splitlines()) < 10


def test_it_can_be_tried_at_once(made: Plant) -> None:
    found = subprocess.run(
        command(RUN), env=made.environ, cwd=EXAMPLE, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stderr
    (mail,) = arrived(made, "you@example.com")
    parts = {part.get_filename(): part for part in mail.message.walk() if part.get_filename()}
    assert f"cid:{parts['orders.png']['Content-ID'].strip('<>')}" in mail.message.get_body(("html",)).get_content()
    assert parts["orders.xlsx"].get_content_disposition() == "attachment"


def test_the_week_arrives_though_nobody_was_there_on_monday(made: Plant) -> None:
    boss, ida = arrived(made, *WEEKLY)
    assert boss.subject.startswith("Your week, ")
    assert ida.subject.startswith("Ihre Woche, ")
    reported = [mail.recipients[0] for mail in made.server.mailbox if mail.recipients[0] in WEEKLY]
    assert sorted(reported) == WEEKLY, "each once"
