"""The tutorial, as it stands: its files in an empty folder, its commands with a real worker, store and mail server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from workers import TOP, wait_until

from notifier.testing.supervised import SupervisedProcess

PAGE = (TOP / "docs" / "tutorial.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SHELL = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# The page waits for a lease of a minute to end, or for twelve where the worker was killed at a dot that its relay has not heard.
CLOCKS = """\
export NOTIFIER_LEASE=5 NOTIFIER_SWEEP_INTERVAL=1 NOTIFIER_DOT_DEADLINE=2 NOTIFIER_TCP_USER_TIMEOUT=1 NOTIFIER_DOT_MARGIN=1
export NOTIFIER_SMTP_URL="$NOTIFIER_SMTP_URL&timeout_final_reply=2"
"""
PATIENCE = 120


class Reader:
    """Somebody who follows the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        for name, module in (("notifier", "notifier.cli.main"), ("celery", "celery.__main__"), ("python", "")):
            call = f'-c "from {module} import main; main()"' if module else ""
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {call} "$@"\n')
            (programs / name).chmod(0o755)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
        self.environ = {**clean, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": f"{TOP}:{folder}"}
        self.started: list[SupervisedProcess] = []

    def start(self, lines: str) -> SupervisedProcess:
        """In a terminal of its own."""
        *before, last = lines.strip().splitlines()
        script = "\n".join([*before, CLOCKS if before else "", f"exec {last}"])
        with (self.folder / f"terminal-{len(self.started)}.log").open("wb") as log:
            self.started.append(SupervisedProcess(["sh", "-c", script], env=self.environ, cwd=self.folder, output=log))
        return self.started[-1]

    def run(self, lines: str, *, fails: bool = False) -> str:
        script = f". ./settings.sh\n{lines}"
        done = subprocess.run(
            ["sh", "-ec", script],
            env=self.environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def arrived(self) -> list[str]:
        journal = self.folder / "arrived.jsonl"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return [recipient for line in lines for recipient in json.loads(line)["recipients"]]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path)
    yield made
    for process in reversed(made.started):
        process.kill()


def test_whoever_follows_the_page_gets_what_it_says(reader: Reader) -> None:
    _, servers, check, worker, shop, status, wrong, again, last_status = SHELL
    for name, text in FILES.items():
        path = reader.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    reader.start(servers)
    told = reader.folder / "terminal-0.log"
    wait_until(lambda: "they run" in told.read_text(), "the servers have told their addresses")
    assert "10 of 10 compile and render" in reader.run(check)  # nine ship, and the parcel
    first_worker = reader.start(worker)
    one, other = (line.split()[0] for line in reader.run(shop).strip().splitlines())
    assert one == other
    wait_until(lambda: reader.arrived() == ["zoe@example.com"], "Zoë's mail is there, once", 0.2)
    assert "mail" in reader.run(status)
    assert "zoe@@example.com" in reader.run(wrong, fails=True)

    many, kill, once_more = again.strip().splitlines()
    assert kill.startswith("pkill -9")  # of this worker alone, for others' run on this machine too
    reader.run(many)
    wait_until(lambda: len(reader.arrived()) > 5, "some have arrived", 0.01)
    first_worker.kill()
    reader.start(f". ./settings.sh\n{once_more}")
    everybody = {"zoe@example.com", *(f"customer{n}@example.com" for n in range(100))}

    def stands() -> Counter[str]:
        """How many mails are in each state."""
        queues = json.loads(reader.run(f"{last_status.strip()} --json"))["queues"]
        return sum((Counter(one["counts"]) for one in queues), Counter())

    def is_over() -> bool:
        found = stands()
        return found["sent"] + found["parked"] == len(everybody)

    wait_until(is_over, "all have ended", 2.0)
    arrived = reader.arrived()
    assert len(arrived) == len(set(arrived)), "none came twice"
    assert len(everybody - set(arrived)) <= stands()["parked"], "none was lost"
