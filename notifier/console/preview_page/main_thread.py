"""`MainThread`: runs functions for other threads in the one that serves.

A template that loops without end is stopped in a main thread and nowhere else (`notifier.rendering.processor_limit`).
"""

from __future__ import annotations

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

    def run(self, work: Work) -> Content:
        """The function's result, or its error."""
        if self._ended:
            return work()
        future: Future[Content] = Future()
        self._waiting.put((work, future))
        return future.result()

    def end(self) -> None:
        """`serve` returns when it has done what waits."""
        self._waiting.put(None)

    def serve(self) -> None:
        """Until `end` is called, or an interrupt comes."""
        try:
            while (item := self._waiting.get()) is not None:
                _do(*item)
        finally:
            self._ended = True
            self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
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
