"""Workers that are forked from a process which has imported Celery and us already: to import them takes a worker's start two seconds.

A worker from here is what ``python -m celery`` would have made of itself: a process and a group of its own, its environment, its
output, its descriptors, its exit status. The nursery itself has no thread and no connection that a child could inherit.
"""

from __future__ import annotations

import gc
import json
import os
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

from notifier.testing.supervised import SupervisedProcess, _keeper_of

IMPORTED = (
    "celery.bin.worker",
    "celery.apps.worker",
    "celery.concurrency.prefork",
    "kombu.transport.redis",
    "kombu.transport.pyamqp",
    "notifier.tasks.worker",
)
AT_START = dict(os.environ)
_LONGEST = 256 * 1024  # octets of an order


class Ward:
    """As much of a `subprocess.Popen` as tests ask of a worker. Its parent, a process that does nothing else, tells its end."""

    def __init__(self, pid: int, ends: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ends = ends

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select([self._ends], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"worker {self.pid}", timeout or 0)
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
    """``celery`` with these arguments."""

    def __init__(self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, output: int) -> None:
        ours, theirs = socket.socketpair()
        order = json.dumps({"arguments": arguments, "env": dict(env), "cwd": str(cwd)}).encode()
        socket.send_fds(_nursery(), [order], [output, theirs.fileno()])
        theirs.close()
        (pid,) = struct.unpack("i", ours.recv(4))
        self.process = Ward(pid, ours)  # type: ignore[assignment]
        self._keeper = _keeper_of(pid, grace=3.0)


def can_make(env: Mapping[str, str], arguments: Sequence[str]) -> bool:
    """False where a process would have to begin otherwise: with other variables than our settings', or as gevent wants it."""
    others = {name: text for name, text in env.items() if not name.startswith("NOTIFIER_")}
    ours = {name: text for name, text in AT_START.items() if not name.startswith("NOTIFIER_")}
    return sys.platform == "linux" and others == ours and not {"gevent", "eventlet"} & set(arguments)


def _nursery() -> socket.socket:
    """This process's own; it ends when the socket is closed."""
    return _started()[0]


@cache
def _started() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    here = str(Path(__file__).parent)
    # A worker is not to find what lies beside this file.
    text = f"import sys; sys.path.append({here!r}); import nursery; sys.path.remove({here!r}); nursery.main()"
    command = [sys.executable, "-c", text, str(theirs.fileno())]
    made = subprocess.Popen(
        command, cwd=Path(here).parent, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
    )
    theirs.close()
    return ours, made


# in the nursery -----------------------------------------------------------------------------------------------------


def _orders(control: socket.socket) -> Iterator[tuple[bytes, list[int]]]:
    while True:
        octets, descriptors, *_ = socket.recv_fds(control, _LONGEST, 2)
        if not octets:
            return
        yield octets, descriptors


def serve(control: socket.socket) -> dict[str, object] | None:
    """Returns in each worker with what it is to be, and in the nursery itself at its end."""
    for octets, (output, ends) in _orders(control):
        if os.fork() == 0:
            return _in_between(octets, output, ends)
        os.close(output)
        os.close(ends)
    return None


def _in_between(octets: bytes, output: int, ends: int) -> dict[str, object]:
    """The parent of one worker, which waits for its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        for number in (1, 2):
            os.dup2(output, number)
        os.closerange(3, max(output, ends) + 64)
        return dict(json.loads(octets))
    os.close(output)
    os.write(ends, struct.pack("i", pid))
    os.write(ends, struct.pack("i", os.waitpid(pid, 0)[1]))
    os._exit(0)


def become(arguments: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
    """What ``python -m celery`` does."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    celery = import_module("celery.__main__")
    sys.argv = [str(celery.__file__), *arguments]
    celery.main()


def main() -> None:
    for name in IMPORTED:
        import_module(name)
    gc.freeze()  # what is here stays, and no worker need look through it
    signal.signal(signal.SIGCHLD, _nobody_is_waited_for)
    order = serve(socket.socket(fileno=int(sys.argv[1])))
    if order is not None:
        become(**order)  # type: ignore[arg-type]


def _nobody_is_waited_for(_number: int, _frame: FrameType | None) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
