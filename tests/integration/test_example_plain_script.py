"""The example of a plain script: the commands of its README with a real worker, beat, Valkey and SMTP server."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers import TOP, Plant, plant, wait_until

from notifier.tasks.runtime import runtime
from notifier.testing.supervised import SupervisedProcess

EXAMPLE = TOP / "examples" / "plain_script"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
WORKER, BEAT, RUN = re.findall(r"^    (.+)$", README, re.MULTILINE)
LONG_AGO = 1_700_000_000.0  # up to where somebody had looked when beat went away


def command(line: str) -> list[str]:
    program, *arguments = shlex.split(line)
    call = ["-m", "celery"] if program == "celery" else ["-c", "from notifier.cli import main; main()"]
    return [sys.executable, *call, *arguments]


@contextmanager
def running(made: Plant, *lines: str) -> Iterator[None]:
    started = []
    for number, line in enumerate(lines):
        extra = ["-s", str(made.folder / "beat"), "--pidfile="] if line == BEAT else ["-c", "2"]
        with (made.folder / f"worker-{number}.log").open("wb") as log:
            started.append(SupervisedProcess([*command(line), *extra], env=made.environ, cwd=EXAMPLE, output=log))
    try:
        yield
    finally:
        for process in started:
            process.kill()


@contextmanager
def example(folder: Path) -> Iterator[Plant]:
    with plant(folder) as made:
        made.environ |= {"PYTHONPATH": str(TOP), "NOTIFIER_REPORTS": "reports"}
        yield made


def test_its_readme_is_short() -> None:
    assert len(README.splitlines()) < 10


def test_the_week_arrives_though_nobody_was_there_on_monday(tmp_path: Path) -> None:
    with example(tmp_path) as made:
        reports = runtime().store.reports
        assert reports.open("weekly-orders", reports.look("weekly-orders"), LONG_AGO, [], [])
        with running(made, WORKER, BEAT):
            wait_until(lambda: len(made.server.mailbox) == 2, f"the week has arrived: {made.logs()}", 0.2)
        subjects = {mail.recipients[0]: mail.subject for mail in made.server.mailbox}
        assert subjects["boss@example.com"].startswith("Your week, ")
        assert subjects["ida@example.com"].startswith("Ihre Woche, ")


def test_it_can_be_tried_at_once(tmp_path: Path) -> None:
    with example(tmp_path) as made, running(made, WORKER):
        found = subprocess.run(
            command(RUN), env=made.environ, cwd=EXAMPLE, capture_output=True, text=True, timeout=60, check=False
        )
        assert found.returncode == 0, found.stderr
        assert made.server.mailbox.wait_for(1, timeout=60), made.logs()
        (mail,) = made.server.mailbox
        assert mail.recipients == ("you@example.com",)
        parts = {part.get_filename(): part for part in mail.message.walk() if part.get_filename()}
        assert f"cid:{parts['orders.png']['Content-ID'].strip('<>')}" in mail.message.get_body(("html",)).get_content()
        assert parts["orders.xlsx"].get_content_disposition() == "attachment"
