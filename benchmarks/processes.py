"""Processes that are measured from outside: a worker with its children, what it has used, what it holds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.smtp.peers import TOP
from notifier.testing.supervised import SupervisedProcess

TICK = os.sysconf("SC_CLK_TCK")
AT_REST = 0.05  # of a processor, for each worker


def family(pid: int) -> list[int]:
    """The process, then its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def used(pid: int) -> float:
    """Processor seconds, user and system, of all its threads. The sum is exact to a tick; how it is shared out is not."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid: int) -> int:
    """Octets in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def until(true: Callable[[], bool], what: str, patience: float = 240.0, look_every: float = 0.02) -> None:
    """Look until it is so. Raises `RuntimeError` with ``what`` is waited for."""
    ends = time.monotonic() + patience
    while not true():
        if time.monotonic() > ends:
            raise RuntimeError(f"waited {patience:.0f} s in vain: {what}")
        time.sleep(look_every)


def clean_environ() -> dict[str, str]:
    """This process's, without settings of ours."""
    return {name: text for name, text in os.environ.items() if not name.startswith("NOTIFIER_")}


@contextmanager
def worker(
    store: str,
    relay: str,
    *options: str,
    slots: int = 1,
    more: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[SupervisedProcess]:
    """`celery -A worker worker`, as everybody starts it. ``more``: settings; ``log``: a file for its words."""
    with TemporaryDirectory() as folder:
        environ = {
            **clean_environ(),
            "NOTIFIER_BROKER_URL": store,
            "NOTIFIER_SMTP_URL": relay,
            "NOTIFIER_JOURNAL": str(Path(folder) / "journal"),
            **(more or {}),
        }
        with celery_worker("worker", environ, *options, slots=slots, log=log) as process:
            yield process


@contextmanager
def celery_worker(
    app: str, environ: Mapping[str, str], *options: str, slots: int = 1, log: Path | None = None
) -> Iterator[SupervisedProcess]:
    """A worker of any app, prefork with so many children; it is killed behind."""
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "-c", str(slots), "-l", "WARNING", *options]
    with Path(log or os.devnull).open("wb") as output:
        process = SupervisedProcess(command, env=environ, cwd=TOP, output=output)
    try:
        yield process
    finally:
        process.kill()


def all_used(pids: Sequence[int]) -> float:
    """Of workers and their children."""
    return sum(used(one) for pid in pids for one in family(pid))


def rest(pids: Sequence[int]) -> None:
    """Wait until workers do no more than look whether there is something to do: each child links a template behind the mails
    that have made it worth while.
    """

    def idle() -> bool:
        before = all_used(pids)
        time.sleep(1.0)
        return all_used(pids) - before < AT_REST * len(pids)

    until(idle, "the workers come to rest", look_every=0.0)
