"""`Upkeep`: a thread that looks after sessions while there are any, and ends when there are none.

So nothing waits in the background of a process that sends no mail, and there is mostly nothing that a fork could lose.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress


class Upkeep:
    """``tend`` does what is due; ``due_in`` says in how many seconds there is more to do, or None for never."""

    def __init__(self, name: str, tend: Callable[[], None], due_in: Callable[[], float | None]) -> None:
        self._name = name
        self._tend = tend
        self._due_in = due_in
        self._lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self._hurry = threading.Event()

    def wake(self) -> None:
        """There is something to look after. Whoever comes often looks first whether there is a ``thread``."""
        if self.thread is not None:
            return
        with self._lock:
            if self.thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                # Where the system has no thread left (row C3) nothing is lost: a checkout looks at what it gets.
                with suppress(RuntimeError):
                    thread.start()
                    self.thread = thread

    def hurry(self) -> bool:
        """Something may be due sooner. False where nobody does it: the system has no thread left."""
        self.wake()
        self._hurry.set()
        return self.thread is not None

    def _run(self) -> None:
        try:
            self._look_after()
        except BaseException:
            self.thread = None  # whoever wakes it next has another one
            raise

    def _look_after(self) -> None:
        while True:
            with self._lock:
                mine, self.thread = self.thread, None  # whoever parks a session after this look asks for a thread
                wait = self._due_in()
                if wait is None:
                    return
                self.thread = mine
            if wait > 0 and self._hurry.wait(wait):
                self._hurry.clear()
            else:
                self._tend()
