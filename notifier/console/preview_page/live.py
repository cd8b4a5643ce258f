"""`Watch`: tells an open page when a file has changed. The files are looked at while somebody listens, and only then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool

EVERY = 0.3  # seconds between two looks
WAIT = 20.0  # seconds until a listener gets an answer in any case
MAX_LISTENERS = 32


class TooManyListeners(Exception):
    """As many listen as may."""


class Watch:
    """``stamp`` is another text whenever a file has changed. For one event loop."""

    def __init__(self, stamp: Callable[[], str]) -> None:
        self._stamp = stamp
        self._known = ""
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()
        self._listeners = 0
        self._ended = False

    def end(self) -> None:
        """Every listener gets its answer now, so that the server can stop."""
        self._ended = True

    async def changed(self, since: str, gone: Callable[[], Awaitable[bool]]) -> str:
        """The stamp when it is no longer ``since``, or after a while, or when the listener is ``gone``.

        Raises `TooManyListeners`.
        """
        if self._listeners >= MAX_LISTENERS:
            raise TooManyListeners
        self._listeners += 1
        try:
            return await self._other_than(since, gone)
        finally:
            self._listeners -= 1

    async def _other_than(self, since: str, gone: Callable[[], Awaitable[bool]]) -> str:
        ends = time.monotonic() + WAIT
        while True:
            stamp = await self._look()
            if stamp != since or self._ended or time.monotonic() > ends or await gone():
                return stamp
            await asyncio.sleep(EVERY)

    async def _look(self) -> str:
        """One look for all who listen."""
        async with self._looking:
            if time.monotonic() - self._looked_at >= EVERY:
                self._known = await run_in_threadpool(self._stamp)
                self._looked_at = time.monotonic()
            return self._known
