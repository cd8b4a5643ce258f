"""Processes that are forked from one which has imported what takes long: Celery and us take two seconds at each start, Django more.

Such a process is what ``python -m module`` would have made: its own group, environment, descriptors and exit status. The nursery
itself has no thread and no connection that a child could inherit.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from select import select
from types import FrameType
from typing import TypeAlias

from notifier.testing.supervised import SupervisedProcess, _keeper_of

Order: TypeAlias = "dict[str, object]"

TESTS = Path(__file__).parent
WORKER = (
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.apps.worker",
    "celery.concurrency.prefork",
    "kombu.transport.redis",
    "kombu.transport.pyamqp",
    "notifier.tasks.worker",
)
# Without Django's setup, which is each process's own.
DJANGO = (
    "celery.app.amqp",
    "celery.events",
    "celery.loaders.app",
    "django.contrib.admin",
    "django.core.management",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.executor",
    "django.db.models",
    "django.test",
    "notifier.tasks.bells",
    "notifier.tasks.send",
)
AT_START = dict(os.environ)
LOOKED_AT_LATE = ("NOTIFIER_", "COLUMNS", "PYTEST_")  # PYTEST_CURRENT_TEST is another in each test
LONGEST = 128 * 1024  # octets of an order


class Ward:
    """As much of a `subprocess.Popen` as tests ask for. Its parent, a process that does nothing else, tells its end."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        env: Mapping[str, str],
        cwd: Path,
        streams: tuple[int, int, int],
        imported: Sequence[str],
    ) -> None:
        self._ends, theirs = socket.socketpair()
        self._module = module
        self.returncode: int | None = None
        order = json.dumps({"module": module, "arguments": arguments, "env": dict(env), "cwd": str(cwd)}).encode()
        with theirs:
            socket.send_fds(_nursery(tuple(imported))[0], [order], [*streams, theirs.fileno()])
        (self.pid,) = struct.unpack("i", self._ends.recv(4))

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select([self._ends], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self._module, timeout or 0)
            (status,) = struct.unpack("i", self._ends.recv(4))
            self._ends.close()
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ReadyWorker(SupervisedProcess):
    """``python -m celery`` with these arguments."""

    def __init__(self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, output: int) -> None:
        with Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), output, output)
            self.process = Ward("celery", arguments, env=env, cwd=cwd, streams=streams, imported=WORKER)  # type: ignore[assignment]
        self._keeper = _keeper_of(self.process.pid, grace=3.0)


def can_make(env: Mapping[str, str], arguments: Sequence[str]) -> bool:
    """False where a worker has to begin otherwise: with other variables than our settings', or as gevent wants it."""
    same = _at_import(env) == _at_import(AT_START)
    return sys.platform == "linux" and same and not {"gevent", "eventlet"} & set(arguments)


def _at_import(env: Mapping[str, str]) -> dict[str, str]:
    """The variables that a module may look at when it is imported."""
    return {name: text for name, text in env.items() if not name.startswith(LOOKED_AT_LATE)}


@cache
def _nursery(imported: Sequence[str]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """One for these modules, of this process. It ends when the socket is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # What it forks is not to find what lies beside this file, unless its own path says so.
    text = f"import sys; sys.path.append({str(TESTS)!r}); import nursery; sys.path.pop(); nursery.main()"
    with theirs:
        made = subprocess.Popen(
            [sys.executable, "-c", text, str(theirs.fileno()), *imported],
            env=AT_START,
            cwd=TESTS.parent,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    atexit.register(_close, ours, made)
    return ours, made


def _close(control: socket.socket, made: subprocess.Popen[bytes]) -> None:
    control.close()
    made.wait(10)


# in the nursery -----------------------------------------------------------------------------------------------------


def main() -> None:
    for name in sys.argv[2:]:
        import_module(name)
    gc.freeze()  # what is here stays, and nobody need look through it
    signal.signal(signal.SIGCHLD, _nobody_is_waited_for)
    order = serve(socket.socket(fileno=int(sys.argv[1])))
    if order is not None:
        become(**order)  # type: ignore[arg-type]


def serve(control: socket.socket) -> Order | None:
    """Returns in each process with what it is to be, and in the nursery itself at its end."""
    for octets, descriptors in _orders(control):
        if os.fork() == 0:
            return _in_between(octets, descriptors[:3], descriptors[3])
        for one in descriptors:
            os.close(one)
    return None


def _orders(control: socket.socket) -> Iterator[tuple[bytes, list[int]]]:
    while True:
        octets, descriptors, *_ = socket.recv_fds(control, LONGEST, 4)
        if not octets:
            return
        yield octets, descriptors


def _in_between(octets: bytes, streams: Sequence[int], ends: int) -> Order:
    """The parent of one process, which waits for its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 256)
        return dict(json.loads(octets))
    for stream in streams:
        os.close(stream)
    os.write(ends, struct.pack("i", pid))
    os.write(ends, struct.pack("i", os.waitpid(pid, 0)[1]))
    os._exit(0)


def become(module: str, arguments: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
    """What ``python -m module`` does."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path += [one for one in env.get("PYTHONPATH", "").split(os.pathsep) if one and one not in sys.path]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _nobody_is_waited_for(_number: int, _frame: FrameType | None) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
