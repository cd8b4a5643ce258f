"""`ask`: one question to a fresh interpreter, and its answer, within a time and a size. It is gone when this returns."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from notifier.errors import RendererUnavailable
from notifier.rendering.untrusted_limits import Limits

BLOCK = 65536
# The whole path, as the parent has it: -I forgets PYTHONPATH.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from notifier.rendering.untrusted_child import main; main()"
)


@dataclass(frozen=True, slots=True)
class End:
    """How a child ended. ``code`` is negative where a signal ended it, None where it had not ended in time."""

    output: bytes
    code: int | None


def ask(question: bytes, limits: Limits) -> End:
    """Raises `RendererUnavailable` where no process can be started."""
    process = _started()
    try:
        return _exchanged(process, question, limits)
    finally:
        if process.returncode is None:  # not reaped, so that the group is still its own
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                cast("IO[bytes]", pipe).close()


def _started() -> subprocess.Popen[bytes]:
    path = [str(Path(entry).absolute()) for entry in sys.path]
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-c", _BOOT, json.dumps(path)]
    try:
        return subprocess.Popen(  # noqa: S603 - this interpreter, with nothing of a mail on its command line
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback would hold values of the context
            env={},
            cwd="/",
            close_fds=True,
            start_new_session=True,  # an interrupt at the worker's terminal is not the template's end
        )
    except OSError as error:
        raise RendererUnavailable(f"the child that renders untrusted templates does not start: {error}") from error


def _exchanged(process: subprocess.Popen[bytes], question: bytes, limits: Limits) -> End:
    """Neither a child that does not read nor one that hands its pipes to another process holds this up."""
    stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    ends = time.monotonic() + limits.wall
    left, output = memoryview(question), bytearray()
    os.set_blocking(stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(stdin, selectors.EVENT_WRITE)
        selector.register(stdout, selectors.EVENT_READ)
        while len(output) <= limits.output and (seconds := ends - time.monotonic()) > 0:
            ready = [key.fileobj for key, _ in selector.select(seconds)]
            if stdin in ready:
                left = _written(stdin, left)
                if not left:
                    selector.unregister(stdin)
                    stdin.close()
            if stdout in ready:
                block = os.read(stdout.fileno(), BLOCK)
                if not block:
                    return End(bytes(output), _code(process, seconds))
                output += block
    return End(bytes(output), None)


def _written(stdin: IO[bytes], left: memoryview) -> memoryview:
    """What is still to be written; nothing where nobody reads it any more."""
    try:
        return left[os.write(stdin.fileno(), left[:BLOCK]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]


def _code(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
