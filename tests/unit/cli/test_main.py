"""The command group: its help is complete, and loads no command."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from notifier.cli.main import COMMANDS, group
from notifier.cli.summaries import SUMMARIES
from notifier.model.release import release

pytestmark = pytest.mark.unit
WIDTH = 68  # of a line beside the longest name, in a terminal of 80
HELP_LOADS = """
import sys
from notifier.cli.main import group
group.main(["--help"], standalone_mode=False)
print(*sorted(sys.modules))
"""


def test_every_command_has_its_line() -> None:
    assert SUMMARIES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", sorted(SUMMARIES))
def test_a_line_is_a_sentence_that_fits(name: str) -> None:
    assert len(SUMMARIES[name]) <= WIDTH - len(max(COMMANDS, key=len))
    assert SUMMARIES[name][0].isupper()
    assert SUMMARIES[name].endswith(".")


def test_the_help_lists_every_command() -> None:
    shown = CliRunner().invoke(group, ["--help"]).output
    assert all(f"  {name} " in shown for name in COMMANDS)


def test_the_help_loads_no_command() -> None:
    done = subprocess.run([sys.executable, "-c", HELP_LOADS], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & set(COMMANDS.values())
    assert not {"celery", "redis", "jinja2", "rich", "importlib.metadata"} & loaded


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(group, ["--version"]).output == f"notifier, version {release()}\n"
