"""Calls in threads: the loop goes on, the number is bounded, and a cancellation leaves nothing in doubt."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from notifier.errors import InvalidMail, StoreUnavailable
from notifier.tasks.offload import Threads, offload

DEADLINE = 30.0  # seconds until a wait is given up; nothing is measured by it
whose = contextvars.ContextVar("whose", default="nobody")


@contextmanager
def held_up(threads: Threads, count: int) -> Iterator[list[asyncio.Task[None]]]:
    """So many threads wait until the block is left. Inside a running loop."""
    let_go, held = threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        held.release()
        let_go.wait(DEADLINE)

    tasks = [asyncio.create_task(threads.run(wait)) for _ in range(count)]
    try:
        yield tasks
    finally:
        let_go.set()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not true():  # noqa: ASYNC110 - a thread tells, which an event of the loop cannot hear
            await asyncio.sleep(0)


def test_what_the_call_returns_is_returned() -> None:
    assert asyncio.run(offload(lambda: 42)) == 42


def test_what_the_call_raises_is_raised() -> None:
    def refuse() -> None:
        raise InvalidMail("no")

    with pytest.raises(InvalidMail, match="no"):
        asyncio.run(offload(refuse))


def test_the_call_has_the_callers_context() -> None:
    async def ask() -> str:
        whose.set("zoe")
        return await offload(whose.get)

    assert asyncio.run(ask()) == "zoe"


def test_the_loop_goes_on_while_a_call_waits() -> None:
    async def story() -> int:
        turns = threading.Semaphore(0)

        def wait_for_turns() -> int:
            return sum(turns.acquire(timeout=DEADLINE) for _ in range(100))

        waiting = asyncio.create_task(offload(wait_for_turns))
        while not waiting.done():
            turns.release()
            await asyncio.sleep(0)
        return await waiting

    assert asyncio.run(story()) == 100


def test_more_calls_than_threads_wait_their_turn() -> None:
    async def story() -> list[int]:
        threads = Threads(2)
        return await asyncio.gather(*(threads.run(lambda n=n: n) for n in range(500)))  # type: ignore[misc]  # mypy's lambda

    assert asyncio.run(story()) == list(range(500))


def test_a_call_that_gets_no_thread_is_refused_and_never_begun() -> None:
    begun: list[int] = []

    async def story() -> None:
        threads = Threads(1, stalled=0.01)
        await threads.run(lambda: None)
        with held_up(threads, 1) as tasks:
            await asyncio.sleep(0)
            with pytest.raises(StoreUnavailable, match="not begun, and nothing was stored"):
                await threads.run(lambda: begun.append(1))
        await asyncio.gather(*tasks)

    asyncio.run(story())
    assert begun == []


def test_a_crowd_waits_longer_for_the_first_call_of_a_process() -> None:
    async def story() -> list[int]:
        threads = Threads(1, stalled=0.01)
        with held_up(threads, 1):
            waiting = [asyncio.create_task(threads.run(lambda n=n: n)) for n in range(3)]  # type: ignore[misc]  # mypy's lambda
            done, _ = await asyncio.wait(waiting, timeout=0.1)
            assert not done
        return await asyncio.gather(*waiting)

    assert asyncio.run(story()) == [0, 1, 2]


def test_without_an_event_loop_of_asyncio_nothing_is_begun() -> None:
    """Trio drives coroutines by their ``send``, too."""
    begun: list[int] = []
    coroutine = offload(lambda: begun.append(1))
    with pytest.raises(RuntimeError, match=r"nothing was stored\. Under trio"):
        coroutine.send(None)
    assert asyncio.run(offload(lambda: list(begun))) == []


def test_a_call_that_was_not_begun_never_is_where_its_caller_is_cancelled() -> None:
    begun: list[int] = []

    async def story() -> None:
        threads = Threads(1, stalled=DEADLINE)
        with held_up(threads, 1) as tasks:
            await asyncio.sleep(0)
            task = asyncio.create_task(threads.run(lambda: begun.append(1)))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.gather(*tasks)

    asyncio.run(story())
    assert begun == []


@pytest.mark.parametrize("times", [1, 3])
def test_a_call_that_has_begun_is_waited_for_where_its_caller_is_cancelled(times: int) -> None:
    async def story() -> list[str]:
        begun, let_go, told = threading.Event(), threading.Event(), list[str]()

        def call() -> None:
            begun.set()
            let_go.wait(DEADLINE)
            told.append("stored")

        task = asyncio.create_task(offload(call))
        await until(begun.is_set)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return told

    assert asyncio.run(story()) == ["stored"]


def test_an_error_of_a_call_whose_caller_is_gone_is_nobodys() -> None:
    async def story() -> None:
        begun, let_go = threading.Event(), threading.Event()

        def call() -> None:
            begun.set()
            let_go.wait(DEADLINE)
            raise StoreUnavailable("away")

        task = asyncio.create_task(offload(call))
        await until(begun.is_set)
        task.cancel()
        await asyncio.sleep(0)
        let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())


def test_a_fork_gets_threads_of_its_own() -> None:
    asyncio.run(offload(lambda: None))
    child = os.fork()
    if child == 0:
        os._exit(asyncio.run(offload(lambda: 7)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
