"""The safeguards are tested: with one of them taken out, every test that stands for it goes red (`programs/mutants.py`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs.mutants import GUARDS, MUTANTS

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    file = tmp_path_factory.mktemp("mutants") / "red.json"
    paths = os.pathsep.join((str(TESTS.parent), str(TESTS)))
    command = [sys.executable, "-m", "programs.mutants", str(file)]
    environ = {**os.environ, "PYTHONPATH": paths}
    ran = subprocess.run(command, env=environ, cwd=TESTS, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return dict(json.loads(file.read_text()))


def test_every_safeguard_has_tests_that_stand_for_it() -> None:
    assert GUARDS.keys() == MUTANTS.keys() == {"fence", "dot record", "sweeper", "dot-stuffing"}


def test_with_all_safeguards_in_place_they_are_green(red: dict[str, list[str]]) -> None:
    assert red[""] == []


@pytest.mark.parametrize("mutant", GUARDS)
def test_without_a_safeguard_each_of_its_tests_is_red(red: dict[str, list[str]], mutant: str) -> None:
    missed = [test for test in GUARDS[mutant] if not any(name.startswith(test) for name in red[mutant])]
    assert missed == []
