"""`MainThread`: runs functions for other threads in the one that serves.

A template that loops without end is stopped in a main thread and nowhere else (`notifier.rendering.processor_limit`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue

from notifier.model.content import Content

Work = Callable[[], Content]


class MainThread:
    """`serve` in the main thread, `run` in any other."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[Work, Future[Content]] | None] = SimpleQueue()
        self._ended = False
        self._lock = threading.Lock()

    def run(self, work: Work) -> Content:
        """The function's result, or its error."""
        future: Future[Content] = Future()
        with self._lock:
            ended = self._ended
            if not ended:
                self._waiting.put((work, future))
        return work() if ended else future.result()

    def end(self) -> None:
        """`serve` returns when it has done what waits."""
        self._waiting.put(None)

    def serve(self) -> None:
        """Until `end` is called, or an interrupt comes."""
        try:
            while (item := self._waiting.get()) is not None:
                _do(*item)
        finally:
            self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        """Nobody waits for what is not done any more: a thread that waited would hold up the end of the process."""
        with self._lock:
            self._ended = True
        while not self._waiting.empty():
            if (item := self._waiting.get()) is not None:
                item[1].cancel()


def _do(work: Work, future: Future[Content]) -> None:
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001 - it belongs to the thread that waits
        future.set_exception(error)
    except BaseException:
        future.cancel()
        raise
