"""Takes one safeguard after the other out of the product and tells which of the tests that stand for it go red.

``python -m programs.mutants FILE`` writes ``{mutant: names of the tests that failed}`` as JSON; ``""`` is the product as
it is. Each mutant is a fork of one process that has all modules loaded, for that is what takes the time.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from notifier.protocol import transparency
from notifier.store import scripts

LEDGER = "unit/store/test_store_conformance_fake.py::TestTheLedgerOnAPlayedRedis::test_"
GUARDS: Mapping[str, Sequence[str]] = {
    "fence": (f"{LEDGER}a_zombie_records_nothing", f"{LEDGER}a_zombie_settles_nothing"),
    "dot record": (
        f"{LEDGER}a_mail_left_at_its_dot_is_sent_once_more_if_it_must_arrive",
        f"{LEDGER}a_mail_that_may_go_only_once_is_parked",
    ),
    "sweeper": (f"{LEDGER}what_a_dead_worker_had_claimed_is_claimed_again",),
    "dot-stuffing": ("protocol/test_transparency.py",),
}


class Edited:
    """A folder of Lua files in which some words are others."""

    def __init__(self, path: Path, edits: Mapping[str, Mapping[str, str]]) -> None:
        self._path, self._edits = path, edits

    def __truediv__(self, name: str) -> Edited:
        return Edited(self._path / name, self._edits)

    def read_text(self, encoding: str) -> str:
        text = self._path.read_text(encoding)
        for old, new in self._edits.get(self._path.name, {}).items():
            if old not in text:
                sys.exit(f"{self._path.name} has changed: its mutant must change too")
            text = text.replace(old, new)
        return text


def without(**edits: Mapping[str, str]) -> Callable[[], None]:
    """Scripts by name, with what stands there instead of what."""
    by_file = {f"{name}.lua": words for name, words in edits.items()}

    def mutate() -> None:
        scripts._FOLDER = Edited(scripts._FOLDER, by_file)  # type: ignore[assignment]

    return mutate


def without_dot_stuffing() -> None:
    def stuffed(data: bytes) -> bytes:
        return data if data.endswith(b"\r\n") else data + b"\r\n"

    transparency.stuffed.__code__ = stuffed.__code__  # whoever has imported it has this one


MUTANTS: Mapping[str, Callable[[], None]] = {
    "fence": without(
        begin_dot={"f[2] ~= ARGV[i + 1] or f[3] ~= ARGV[i + 2] or ": ""},
        settle={"if f[2] ~= fence or f[7] ~= owner then": "if false then"},
    ),
    "dot record": without(begin_dot={"local lost, states": "do return {} end\nlocal lost, states"}),
    "sweeper": without(sweep={"local ids = {}\n": "local ids = {}\n  if true then return ids end\n"}),
    "dot-stuffing": without_dot_stuffing,
}


class Red:
    """What has failed."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.names.append(report.nodeid.removeprefix("tests/"))


def red(tests: Sequence[str]) -> list[str]:
    """Raises `RuntimeError` where they could not even be run."""
    found = Red()
    status = pytest.main(["-q", "-p", "no:cacheprovider", "--tb=no", *tests], plugins=[found])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"the tests did not run: {status!r}")
    return found.names


def red_in_a_fork(mutant: str) -> list[str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            MUTANTS[mutant]()
            os.write(writing, json.dumps(red(GUARDS[mutant])).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return list(json.loads(told))


def main(file: str) -> None:
    os.chdir(Path(__file__).parents[1])
    result = {"": red([one for tests in GUARDS.values() for one in tests])}
    result |= {mutant: red_in_a_fork(mutant) for mutant in MUTANTS}
    Path(file).write_text(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
