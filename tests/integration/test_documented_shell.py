"""The commands and settings on the pages: commands are run, or read by their own parser where they do not end; settings are loaded.

Lines of one page go on from each other. A program that is not here fails the test, unless `OUTSIDE` says why it cannot be.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pages import Block, blocks
from workers import TOP

from notifier.errors import ConfigurationError
from notifier.settings import Settings
from notifier.testing import CatchingServer, EmbeddedValkey

RUNNER = TOP / "tests" / "programs" / "documented_commands.py"
ELSEWHERE = {"tutorial"}  # test_tutorial.py follows that page
OUTSIDE = {
    "curl": "asks the port of a worker that runs; test_metrics.py does",
    "kubectl": "needs a cluster; the commands behind its -- are read",
    "kustomize": "with it",
    "cd": "before those",
    "jq": "a program of the reader's; what it reads is --json, which the commands' own tests read",
    "make": "its own targets",
    "opentelemetry-instrument": "of opentelemetry-distro, with a collector; test_traces.py has spans of real workers",
    "pybabel": "Babel's own; tests/unit/rendering/test_catalogs.py reads what it makes",
    "rabbitmqctl": "needs RabbitMQ; test_rabbitmq.py has it",
}
# The keys are in no DNS, and this laptop is no production: that is what the command says.
STATUS = {"dkim-and-unsubscribe sh 1, line 5": 1, "operating sh 2, line 1": 1, "kubernetes sh 2, line 5": 1}
DO_NOT_END = {"top", "console", "preview", "serve", "--watch", "--every", "--listen"}
NOT_THERE = {"rabbitmq sh 1": "RabbitMQ is test_rabbitmq.py's"}
# Settings files, and text that holds a command: other text is an output, or a file of somebody else's.
SAID_IN_TEXT = {
    "direct-delivery text 1", "relays text 1", "relays text 2", "relays text 3", "relays text 4", "proxy-and-pin text 1",
    "proxy-and-pin text 2", "tenants-and-limits text 1", "templates text 3",
}  # fmt: skip
_ABOUT = "NOTIFIER_SMTP_URL="  # a page about that setting alone leaves its name away
CONTENTS = {
    "NOTIFIER_BOUNCE_KEYS_FILE": "2026:a-random-text-of-32-characters-or-more",
    "NOTIFIER_UNSUBSCRIBE_KEYS_FILE": "2026:a-random-text-of-32-characters-or-more",
    "NOTIFIER_WEBHOOK_SECRET_FILE": "2026-01:a-long-random-text",
    "token_file": "a-token",
}
EXTRAS = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]
SETTING = re.compile(r"(?:export )?([A-Z_]+)=(\S.*)")
PLACE = re.compile(r"(?<![\w/.-])/(?:etc/notifier|run|srv|var)/[\w./*-]+")


def lines(block: Block) -> list[str]:
    """What is typed, or stands in a file of settings."""
    said = block.code.replace("\\\n", "").splitlines()
    return [line.removeprefix("$ ") for line in said if block.language != "console" or line.startswith("$ ")]


LINES = {
    block.name: lines(block)
    for block in blocks("sh", "console", "indented", "text")
    if block.page.stem not in ELSEWHERE and (block.language != "text" or block.name in SAID_IN_TEXT)
}


@dataclass
class Reader:
    """Somebody who types it all, page by page, with folders of this machine in the place of the page's."""

    folder: Path
    environ: dict[str, str]
    jobs: list[dict[str, object]] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, own: dict[str, str]) -> None:
        """``own``: what was exported on the page before."""
        for number, said in enumerate(LINES[name], 1):
            place = f"{name}, line {number}"
            line = f"{_ABOUT}{said}" if said.startswith("smtp://") else said
            try:
                self.line(place, line, own, as_file=name in SAID_IN_TEXT)
            except Exception as error:  # noqa: BLE001 - told, whatever it is
                self.wrong[place] = repr(error)
        try:
            self.load(own)
        except ConfigurationError as error:
            self.wrong[f"{name}, line {number}"] = str(error)

    def line(self, place: str, line: str, own: dict[str, str], *, as_file: bool) -> None:
        """``as_file``: of a file of settings, in which no character means anything."""
        found = SETTING.fullmatch(line)
        if found and as_file and "'" not in line:
            self.set(own, found[1], found[2])
            return
        words = shlex.split(line, comments=True)
        words = words[1:] if words[:1] == ["export"] else words
        settings = [SETTING.fullmatch(word) for word in words]
        if all(settings):
            for one in settings:
                assert one is not None
                self.set(own, one[1], one[2])
        else:
            self.command(place, _here(line, self.folder), dict(own), parse_only=place.partition(",")[0] in NOT_THERE)

    def load(self, own: dict[str, str]) -> None:
        """Raises `ConfigurationError` where what was exported cannot work."""
        everything = {**self.environ, **own}
        Settings.load({key: value for key, value in everything.items() if key.startswith("NOTIFIER_")})

    def set(self, own: dict[str, str], name: str, text: str) -> None:
        own[name] = _here(text, self.folder)
        for called, content in CONTENTS.items():
            for path in re.findall(rf"(?:^{called}=|\b{called}=)([^&]+)", f"{name}={own[name]}"):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).write_text(content)
                Path(path).chmod(0o600)

    def command(self, place: str, line: str, own: dict[str, str], *, parse_only: bool) -> None:
        words = _words(line)
        while words and (found := SETTING.fullmatch(words[0])):  # for this command alone
            self.set(own, found[1], found[2])
            words = words[1:]
        program = words[0] if words else ""
        if program == "pip":
            _check_extras(line)
        elif program in {"openssl", "chmod"}:
            subprocess.run(["sh", "-ec", line], cwd=self.folder, check=True, capture_output=True, timeout=60)
        elif program in {"notifier", "celery", "python"}:
            self.jobs.append(_job(place, words, own, parse_only=parse_only))
        else:
            assert not program or program in OUTSIDE, f"{program} is neither run nor in OUTSIDE"

    def run_all(self) -> None:
        done = subprocess.run(
            [sys.executable, "-P", str(RUNNER)], cwd=self.folder, env=self.environ, input=json.dumps(self.jobs), text=True,
            capture_output=True, timeout=270, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        self.wrong |= {name: what for name, what in json.loads(done.stdout.splitlines()[-1]).items() if what}


def _words(line: str) -> list[str]:
    """Of the command that counts: what a pod is told to run, and what stands before a pipe."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|")
    lexer.whitespace_split = True
    words = [word for word in lexer if word != "2>&1"]
    words = words[words.index("--") + 1 :] if "--" in words else words
    return words[: words.index("|")] if "|" in words else words


def _check_extras(line: str) -> None:
    named = {extra for group in re.findall(r"notifier-worker\[([^]]+)\]", line) for extra in group.split(",")}
    assert named <= set(EXTRAS), f"there is no extra {named - set(EXTRAS)}"


def _job(place: str, words: list[str], own: dict[str, str], *, parse_only: bool) -> dict[str, object]:
    if words[0] == "python" and "--every" in words:  # once is enough
        words = words[: words.index("--every")]
    to_its_end = not (parse_only or words[0] == "celery" or DO_NOT_END & set(words))
    return {"name": place, "words": words, "environ": own, "run": to_its_end, "status": STATUS.get(place, 0)}


def _here(text: str, folder: Path) -> str:
    return PLACE.sub(lambda found: f"{folder}{found[0]}", text)


MAILDIR = "var/mail/bounce/Maildir"
FOLDERS = (f"{MAILDIR}/new", f"{MAILDIR}/cur", "var/log", "etc/notifier", "run/secrets", "srv/shop/attachments", "srv/shop/reports", "shop", "emails")  # fmt: skip


def files(folder: Path, relay: CatchingServer) -> None:
    """What the pages say that a reader has."""
    for name in ("worker.py", "celeryconfig.py"):
        shutil.copy(TOP / name, folder)
    for there in FOLDERS:
        (folder / there).mkdir(parents=True)
    (folder / "var/log/mail.log").touch()
    (folder / "run/secrets/console").write_text("a-token-of-more-than-twenty-characters")
    assert relay.ca_file is not None
    shutil.copy(relay.ca_file, folder / "relay.pem")
    (folder / "shop" / "__init__.py").touch()
    report = next(block.code for block in blocks("python") if block.page.stem == "reports")
    (folder / "shop" / "reports.py").write_text(f"def orders_between(start, end): return [(1, 7.5)]\n\n{report}")
    (folder / "shop" / "settings.py").write_text(
        "SECRET_KEY, USE_TZ = 'x', True\nINSTALLED_APPS = ['shop', 'notifier.integrations.django']\nNOTIFIER = {'outbox': True}\n"
        "EMAIL_BACKEND = 'notifier.integrations.django.EmailBackend'\n"
        f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {str(folder / 'db')!r}}}}}\n"
    )


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What went wrong, by page and line."""
    folder = tmp_path_factory.mktemp("reader")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
    with EmbeddedValkey() as valkey, CatchingServer() as relay:
        files(folder, relay)
        settings = {
            "NOTIFIER_BROKER_URL": valkey.url,
            "NOTIFIER_STORE_URL": valkey.url,
            "NOTIFIER_SMTP_URL": relay.url,
            "NOTIFIER_FROM": "Shop <shop@shop.example>",
            "NOTIFIER_JOURNAL": str(folder / "journal"),
        }
        reader = Reader(folder, {**clean, **settings, "PYTHONPATH": f"{folder}:{TOP}"})
        exported: dict[str, dict[str, str]] = {}
        for name in LINES:
            reader.take(name, exported.setdefault(name.partition(" ")[0], {}))
        reader.run_all()
        yield reader.wrong


@pytest.mark.parametrize("name", LINES)
def test_a_readers_commands_and_settings_work(name: str, wrong: dict[str, str]) -> None:
    assert [what for place, what in wrong.items() if place.startswith(f"{name}, line")] == []
