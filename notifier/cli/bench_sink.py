"""`python -m notifier.cli.bench_sink`: a catching server on the loopback until standard input ends. It writes its port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from notifier.testing.server import CatchingServer


@contextmanager
def sink() -> Iterator[int]:
    """Its port, in a process of its own: in ours it would take its part of the interpreter."""
    command = [sys.executable, "-m", "notifier.cli.bench_sink"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            yield int(process.stdout.readline())
        finally:
            process.communicate()


def main() -> None:
    """Serve."""
    with CatchingServer(starttls=False) as server:
        print(server.port, flush=True)  # noqa: T201 - for who started it
        sys.stdin.read()


if __name__ == "__main__":
    main()
