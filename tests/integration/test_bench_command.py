"""`notifier bench`, against a store and a relay that are there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from workers import Plant, plant

from notifier.cli.bench_parts import Letter, composing, sending
from notifier.cli.ending import end
from notifier.cli.main import group
from notifier.model.address import Address
from notifier.tasks.runtime import runtime


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("bench")) as made:
        yield made


def bench(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from notifier.cli import main; main()", "bench", "--seconds", "0.1", *words]
    return subprocess.run(
        command, env={**environ, "COLUMNS": "160"}, capture_output=True, text=True, timeout=60, check=False
    )


def test_each_part_is_measured_and_no_mail_leaves_the_host_and_nothing_is_left_in_the_ledger(works: Plant) -> None:
    found = bench(works.environ, "order_confirmation", "--json")
    assert found.returncode == 0, found.stderr
    figures = json.loads(found.stdout)
    assert {one["part"] for one in figures} == {"compose", "store", "smtp"}
    assert all(one["value"] > 0 for one in figures)
    assert len(works.server.mailbox) == 0
    with redis.Redis.from_url(works.valkey.url) as server:
        # Which goes by itself, and may have gone by now.
        assert set(server.keys("*")) <= {b"notifier:scratch"}
        assert server.pttl("notifier:scratch") != -1, "it stays for ever"


@pytest.mark.parametrize(("part", "name"), [(composing, "compose"), (sending, "smtp")])
def test_a_machine_that_stood_still_for_as_long_as_a_part_lasts_measures_all_the_same(
    works: Plant, part: Any, name: str
) -> None:
    del works  # its settings are this process's
    letter = Letter("welcome", {"name": "Zoë"}, None, Address("zoe", "example.com"))
    assert {figure.part for figure in part(runtime(), letter, seconds=0.0)} == {name}


def test_real_mails_go_by_the_relay_that_was_named_to_whom_was_named_and_no_more_of_them(works: Plant) -> None:
    asked = ("--relay", works.server.url, "--to", "zoe@example.com", "--count", "3")
    found = bench(works.environ, *asked)
    assert found.returncode == 0, found.stderr
    assert "mails accepted" in found.stdout
    mails = list(works.server.mailbox)
    works.server.mailbox.clear()
    assert [mail.recipients for mail in mails] == [("zoe@example.com",)] * 3
    assert len({mail.message_id for mail in mails}) == 3


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--relay", "smtp://127.0.0.1?tls=none"], 2, "--relay and --to belong together"),
        (["--to", "zoe@example.com"], 2, "--relay and --to belong together"),
        (["--relay", "http://x", "--to", "zoe@example.com"], 2, "--relay begins with smtp://"),
        (["--relay", "smtp://127.0.0.1?tls=none", "--to", "zoe"], 2, "--to: "),
        (["--context", "[]"], 2, "--context must be a JSON object"),
        (["--context", "{"], 2, "--context is not JSON"),
        (["--context", "{}"], 1, "name"),
        (["--seconds", "61"], 2, "--seconds"),
        (["--sample", "nobody's"], 1, 'has no sample "nobody\'s"; there are: short'),
        (["no_such_template"], 1, "no template 'no_such_template'"),
        (["--relay", "smtp://127.0.0.1:1?tls=none", "--to", "zoe@example.com"], 1, "127.0.0.1:1"),
    ],
)
def test_what_cannot_be_measured_is_said(
    works: Plant, words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    called = ["bench", "--seconds", "0.1", *words]
    assert end(lambda: group.main(called, prog_name="notifier", standalone_mode=False)) == status
    assert said in capsys.readouterr().err
    assert len(works.server.mailbox) == 0


def test_a_store_that_is_away_is_another_exit_status(works: Plant, tmp_path: Path) -> None:
    environ = {**works.environ, "NOTIFIER_BROKER_URL": "redis://127.0.0.1:1/0", "NOTIFIER_JOURNAL": str(tmp_path)}
    assert bench(environ).returncode == 3
