"""`beside`: linking in a thread, so that no mail waits for it. It takes as long as some hundred mails, and gives way to each."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

GIVES_WAY = 0.0005  # seconds; Python's own 0.005 would be added to each answer of the store and of the relay
_one_at_a_time = threading.Lock()
_usual = sys.getswitchinterval()


def _after_fork_in_child() -> None:
    """The thread that links is not in the child."""
    global _one_at_a_time  # noqa: PLW0603 - see above
    if _one_at_a_time.locked():
        sys.setswitchinterval(_usual)
    _one_at_a_time = threading.Lock()


os.register_at_fork(after_in_child=_after_fork_in_child)


def beside(work: Callable[[], None]) -> bool:
    """Begin it. False where another is under way: try again with a later mail."""
    if not _one_at_a_time.acquire(blocking=False):
        return False
    try:
        threading.Thread(target=_give_way, args=(work,), name="notifier-linker", daemon=True).start()
    except RuntimeError:  # no thread is to be had, or the interpreter ends
        _one_at_a_time.release()
        return False
    return True


def at_once(work: Callable[[], None]) -> bool:
    """Here and now."""
    work()
    return True


def _give_way(work: Callable[[], None]) -> None:
    global _usual  # noqa: PLW0603 - for a child that is forked meanwhile
    before = _usual = sys.getswitchinterval()
    sys.setswitchinterval(GIVES_WAY)
    try:
        work()
    finally:
        sys.setswitchinterval(before)
        _one_at_a_time.release()
