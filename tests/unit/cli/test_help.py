"""`notifier --help`: every command, and nothing loaded for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from notifier.cli.ending import end
from notifier.cli.main import COMMANDS, SUMMARIES, group
from notifier.model.release import release

_CODE = """
import sys
from notifier.cli.main import group
group.main(["--help"], prog_name="notifier", standalone_mode=False)
print([name for name in ("celery", "redis", "jinja2", "rich", "importlib.metadata") if name in sys.modules])
"""


@pytest.fixture(scope="module")
def said() -> list[str]:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_help_loads_neither_celery_nor_redis_nor_a_template(said: list[str]) -> None:
    assert said[-1] == "[]"


def test_every_command_has_a_summary_that_is_not_cut_off(said: list[str]) -> None:
    assert set(SUMMARIES) == set(COMMANDS)
    for name, summary in SUMMARIES.items():
        assert any(line.split() == [name, *summary.split()] for line in said), name


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert end(lambda: group.main(["--version"], prog_name="notifier", standalone_mode=False)) == 0
    assert capsys.readouterr().out == f"notifier, version {release()}\n"
