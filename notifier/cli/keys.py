"""Keys that somebody presses while a view is shown, one by one and without Enter."""

from __future__ import annotations

import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def single_keys() -> Iterator[None]:
    """The terminal is as it was, afterwards. Without a terminal nothing happens."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def pressed(within: float) -> str:
    """The next key, or nothing after so many seconds; q where the terminal is gone."""
    ready, _, _ = select.select([sys.stdin], [], [], within)
    return (sys.stdin.read(1) or "q") if ready else ""
