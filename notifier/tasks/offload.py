"""Calls that wait for the store or the broker, from an event loop: done in threads, a bounded number of them."""

from __future__ import annotations

import asyncio
import contextvars
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from notifier.errors import StoreUnavailable

THREADS = 16  # of a process
# Seconds. A call that has begun fails within four or five where store or broker hang, so whoever waits for a thread in
# vain hears of it soon; where threads come free, however many wait, nobody is refused.
STALLED = 1.0
AT_FIRST = 5.0  # the same until a first call has ended: those load modules, read settings and connect
LOOK_EVERY = 0.5

T = TypeVar("T")


class Threads:
    """The threads of one process. ``stalled`` is seconds without any call coming to its end, ``at_first`` without a first one."""

    def __init__(self, count: int = THREADS, stalled: float = STALLED, at_first: float = AT_FIRST) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="notifier-offload")
        self._stalled = stalled
        self._at_first = at_first
        self._last_end: float | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """What the call returns or raises, with the caller's context variables.

        Raises `StoreUnavailable` where it was not begun, for every thread is held up, and `RuntimeError` without asyncio's
        event loop. Where the caller is cancelled, a call that was not begun never is; one that was is waited for, and then
        `CancelledError` goes on.
        """
        loop = _running_loop()
        asked = time.monotonic()
        submitted = self._executor.submit(contextvars.copy_context().run, call)
        submitted.add_done_callback(self._ended)
        answer = asyncio.wrap_future(submitted, loop=loop)
        try:
            while not answer.done():
                await asyncio.wait([answer], timeout=min(LOOK_EVERY, self._stalled))
                if self._is_stalled(asked) and submitted.cancel():
                    raise StoreUnavailable(
                        "the store or the broker holds up every call of this process. This one was not begun, and nothing was stored"
                    )
        except asyncio.CancelledError:
            if not submitted.cancel():
                await _end_of(answer)
            raise
        return answer.result()

    def _ended(self, submitted: Future[T]) -> None:
        if not submitted.cancelled():
            self._last_end = time.monotonic()

    def _is_stalled(self, asked: float) -> bool:
        if self._last_end is None:
            return time.monotonic() - asked >= self._at_first
        return time.monotonic() - max(asked, self._last_end) >= self._stalled


def _running_loop() -> asyncio.AbstractEventLoop:
    """Asked before anything is begun: whoever hears an error has stored nothing."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "no event loop of asyncio runs here, and nothing was stored. Under trio, or anyio with trio, call delay in a "
            "thread: await anyio.to_thread.run_sync(partial(send_email.delay, …))"
        ) from None


async def _end_of(answer: asyncio.Future[T]) -> None:
    """Bounded by the call's own timeouts. Who cancels meanwhile has cancelled already."""
    while not answer.done():
        try:
            await asyncio.wait([answer])
        except asyncio.CancelledError:
            continue
    answer.exception()  # nobody is there any more to hear of it


_threads: dict[int, Threads] = {}


async def offload(call: Callable[[], T]) -> T:
    """See `Threads.run`. A fork has none of its parent's threads, and gets its own."""
    pid = os.getpid()
    if pid not in _threads:
        _threads[pid] = Threads()
    return await _threads[pid].run(call)
