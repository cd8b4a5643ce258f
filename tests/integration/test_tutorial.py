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
from workers import TOP, Plant, wait_until

from notifier.model.state import MailState
from notifier.settings import Settings
from notifier.tasks.app import use_settings
from notifier.tasks.result import status as mail_status
from notifier.tasks.runtime import configure, shut_down
from notifier.testing.supervised import SupervisedProcess

PAGE = (TOP / "docs" / "tutorial.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SHELL = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# The page waits for a lease of a minute to end: here the ledger is told that it has. A worker whose own clocks were scaled down, and
# which stood still for a while with Zoë's mail at the dot, would send that once more, as it should.
CLOCKS = "export NOTIFIER_SWEEP_INTERVAL=1\n"
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
        with self.terminal(len(self.started)).open("wb") as log:
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

    def looks_into_the_store(self) -> None:
        """This process has the settings of `settings.sh` from now on."""
        exported = re.findall(r"^export (\w+)='?([^'\n]*)", (self.folder / "settings.sh").read_text(), re.MULTILINE)
        here = {"NOTIFIER_TEMPLATES": str(self.folder / "mails"), "NOTIFIER_JOURNAL": str(self.folder / "journal")}
        use_settings(Settings.load({**dict(exported), **here}))

    def terminal(self, number: int) -> Path:
        """What is shown there."""
        return self.folder / f"terminal-{number}.log"

    def arrived(self) -> list[str]:
        journal = self.folder / "arrived.jsonl"
        text = journal.read_text() if journal.exists() else ""
        *whole, _ = text.split("\n")  # what has no end yet is being written
        return [recipient for line in whole for recipient in json.loads(line)["recipients"]]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path)
    yield made
    for process in reversed(made.started):
        process.kill()
    shut_down(0.0)
    configure(None)


def test_whoever_follows_the_page_gets_what_it_says(reader: Reader) -> None:
    _, servers, check, worker, shop, status, wrong, again, last_status = SHELL
    for name, text in FILES.items():
        path = reader.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    reader.start(servers)
    # As somebody reads it there; the file of settings is there before it is whole.
    wait_until(lambda: "they run" in reader.terminal(0).read_text(), "the servers have told their addresses")
    reader.looks_into_the_store()
    assert "10 of 10 compile and render" in reader.run(check)  # nine ship, and the parcel
    first_worker = reader.start(worker)
    one, other = (line.split()[0] for line in reader.run(shop).strip().splitlines())
    assert one == other
    wait_until(lambda: reader.arrived() == ["zoe@example.com"], "Zoë's mail is there, once", 0.2)
    wait_until(lambda: mail_status(one).state is MailState.SENT, "and the ledger knows")
    assert "mail" in reader.run(status)
    assert "zoe@@example.com" in reader.run(wrong, fails=True)

    many, kill, once_more = again.strip().splitlines()
    assert kill.startswith("pkill -9")  # of this worker alone, for others' run on this machine too
    reader.run(many)
    wait_until(lambda: len(reader.arrived()) > 5, "some have arrived", 0.01)
    first_worker.kill()
    Plant.lapse()
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
