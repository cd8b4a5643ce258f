"""An output that is not UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit
WORDS = "größer, 日本, 😀, \udcff"
PROGRAM = """
import json, sys, click
from rich.console import Console
from notifier.cli.output import take_every_text
take_every_text()
click.echo(json.dumps(sys.argv[1], ensure_ascii=False))
Console().print(sys.argv[1])
"""


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_what_it_cannot_show_is_escaped_as_json_has_it(encoding: str) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", PROGRAM, WORDS], env=environ, capture_output=True, check=True)
    as_json, for_people = done.stdout.decode("utf-8" if encoding == "utf-8" else "latin-1").splitlines()
    assert for_people.endswith(r"\udcff")
    if encoding != "ascii":  # click takes that for a mistake, and writes UTF-8
        assert json.loads(as_json) == WORDS
