"""`beside`: linking in a thread, so that no mail waits for it. It takes as long as some hundred mails, and gives way to each."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

GIVES_WAY = 0.0005  # seconds; Python's own 0.005 would be added to each answer of the store and of the relay
# Never waited for: in a process that was forked meanwhile it stays taken, and templates are printed as Jinja2 prints them.
_one_at_a_time = threading.Lock()


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
    before = sys.getswitchinterval()
    sys.setswitchinterval(GIVES_WAY)
    try:
        work()
    finally:
        sys.setswitchinterval(before)
        _one_at_a_time.release()
