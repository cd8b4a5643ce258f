"""Applications of Django's for tests, each a process that may be killed; see `programs.shop`."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nursery import DJANGO, Ward
from real_servers.postgresql import PostgreSQL
from workers import TOP, Plant, plant, wait_until

from notifier.testing import Script

Database = Mapping[str, object]
JOURNAL = "accepted.jsonl"


def sqlite(folder: Path, name: str = "shop") -> dict[str, object]:
    """An entry of ``DATABASES``."""
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / f"{name}.sqlite3"), "OPTIONS": {"timeout": 20}}


class Conversation:
    """One process of the project, and the pipes to it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        (heard, says), (hears, said) = os.pipe(), os.pipe()
        self._process = Ward("programs.shop", env=environ, cwd=TOP, streams=(heard, said, 2), imported=DJANGO)
        for theirs in (heard, said):
            os.close(theirs)
        self.stdin, self.stdout = os.fdopen(says, "w"), os.fdopen(hears)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with suppress(BrokenPipeError):
            self.stdin.close()
        self.stdout.close()


@dataclass
class Shop:
    """The project with one database. A process of it is started when it is asked, and is there again when it was killed."""

    made: Plant
    database: Database
    others: Mapping[str, Database] = field(default_factory=dict)
    _process: Conversation | None = field(default=None, init=False)

    @property
    def environ(self) -> dict[str, str]:
        """Of its processes."""
        return {
            **self.made.environ,
            "DJANGO_SETTINGS_MODULE": "django_site.settings",
            "DJANGO_DATABASES": json.dumps({"default": self.database, **self.others}),
            "PYTHONPATH": f"{TOP}:{TOP / 'tests'}",
        }

    def call(self, do: str, **arguments: Any) -> dict[str, Any]:
        """The answer. Raises `AssertionError` where there is none."""
        answer = self._say(do, arguments)
        if not answer:
            self.close()  # other tests of this project go on
            raise AssertionError(f"no answer to {do}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def killed(self, do: str, kill: str, **arguments: Any) -> None:
        """A call in which the process ends itself by SIGKILL."""
        assert not self._say(do, {**arguments, "kill": kill}), "it was not killed"

    def _say(self, do: str, arguments: Mapping[str, Any]) -> str:
        process = self._running()
        process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    def _running(self) -> Conversation:
        if self._process is None:
            self._process = Conversation(self.environ)
        return self._process

    def order(self, number: str = "1", **arguments: Any) -> str:
        """One order; the id of its mail."""
        (mail_id,) = self.call("order", number=number, **arguments)["ids"]
        return str(mail_id)

    def sweep(self) -> dict[str, Any]:
        """What is under way is due, and swept."""
        self.call("forward")
        return self.call("sweep")

    def rows(self) -> dict[str, dict[str, Any]]:
        """The outbox, by id."""
        found: dict[str, dict[str, Any]] = self.call("rows")["rows"]
        return found

    def row(self) -> dict[str, Any]:
        """The only row."""
        (row,) = self.rows().values()
        return row

    def settle(self) -> None:
        """Sweep until nothing is under way."""
        wait_until(
            lambda: bool(self.sweep()) and {row["state"] for row in self.rows().values()} <= {"settled", "held"},
            "the rows are settled",
            look_every=0.2,
        )

    def mails_of(self, number: str) -> dict[str, dict[str, Any]]:
        """The rows of one order."""
        return {mail_id: row for mail_id, row in self.rows().items() if row["number"] == number}

    def sent_once(self, number: str, mails: int = 1) -> None:
        """Sweep until it is so, for all mails of the order. Raises `AssertionError`."""
        self.settle()
        rows, copies = self.mails_of(number), self.copies()
        assert [row["outcome"] for row in rows.values()] == ["sent"] * mails
        assert {mail_id: copies[mail_id] for mail_id in rows} == dict.fromkeys(rows, 1)

    def copies(self) -> Counter[str]:
        """How often the server has accepted each mail, by the journal that it synced before each 250."""
        journal = self.made.folder / JOURNAL
        lines = journal.read_text().splitlines() if journal.exists() else []
        return Counter(json.loads(line)["message_id"].strip("<>").partition("@")[0] for line in lines)

    def close(self) -> None:
        """End its processes; the next one begins with the settings as they are then."""
        if self._process is not None:
            self._process.end()
            self._process = None


@contextmanager
def shop_with(
    folder: Path, script: Script | None = None, database: Database | None = None, **environ: str
) -> Iterator[Shop]:
    """One whose server writes down what it accepts."""
    with plant(folder, script, folder / JOURNAL, **environ) as made, shop(made, database or sqlite(folder)) as opened:
        yield opened


@contextmanager
def shop(made: Plant, database: Database, **others: Database) -> Iterator[Shop]:
    """With its tables, in each of its databases."""
    opened = Shop(made, database, others)
    try:
        _make_tables(opened)
        yield opened
    finally:
        opened.close()


_made: list[
    bytes
] = []  # a file of SQLite's with the tables in it: to make them anew takes as long as the rest of most tests


def _make_tables(opened: Shop) -> None:
    engine, file = opened.database["ENGINE"], Path(str(opened.database["NAME"]))
    if opened.others or engine != "django.db.backends.sqlite3":
        opened.call("migrate")
    elif _made:
        file.write_bytes(_made[0])
    else:
        opened.call("migrate")
        _made.append(file.read_bytes())


numbers = iter(range(1000))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def busy_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A project whose worker runs, for tests that look at mails of their own."""
    folder = tmp_path_factory.mktemp("busy")
    with shop_with(folder, database=database_of(request, folder)) as opened:
        opened.made.start_worker("-Q", "mail,mail.bulk", slots=1)
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def open_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """One that a test has for itself."""
    with shop_with(tmp_path, database=database_of(request, tmp_path)) as opened:
        yield opened


def database_of(request: pytest.FixtureRequest, folder: Path) -> Database:
    """Of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        return sqlite(folder)
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.database(f"shop{next(numbers)}")
