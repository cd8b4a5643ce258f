"""`adelay` where the store is frozen or down, and where the caller goes away meanwhile."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Iterator
from pathlib import Path

import pytest
from workers import Plant, plant

from notifier import send_email
from notifier.errors import BrokerUnavailable, StoreUnavailable
from notifier.tasks.bells import gate
from notifier.tasks.enqueueing import Enqueueing
from notifier.tasks.result import MailResult

WITHIN = 5.5  # seconds in which a call ends, come what may: the promise is a bound, not a speed
TURN = 0.01  # seconds of a turn at the least; while the process stands still there is none


@pytest.fixture
def hurt(tmp_path: Path) -> Iterator[Plant]:
    """One whose Valkey a test may stop."""
    with plant(tmp_path) as made:
        yield made


def welcome(to: str = "zoe@example.com", **more: object) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}, **more}


async def with_a_clock(call: Awaitable[MailResult]) -> tuple[MailResult | BaseException, int]:
    """What came of the call, and how many turns the loop had meanwhile."""
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(TURN)

    clock = asyncio.create_task(tick())
    try:
        (found,) = await asyncio.gather(call, return_exceptions=True)
    finally:
        clock.cancel()
    assert turns * TURN < WITHIN
    return found, turns


def test_the_loop_goes_on_while_the_store_is_frozen_and_then_it_is_an_error(hurt: Plant) -> None:
    async def story() -> tuple[MailResult | BaseException, int]:
        await send_email.adelay(**welcome())
        hurt.valkey.signal(signal.SIGSTOP)
        try:
            return await with_a_clock(send_email.adelay(**welcome()))
        finally:
            hurt.valkey.signal(signal.SIGCONT)

    found, turns = asyncio.run(story())
    assert isinstance(found, StoreUnavailable)
    assert turns > 50


def test_a_crowd_at_a_frozen_store_hears_of_it_in_time(hurt: Plant) -> None:
    async def story() -> list[MailResult | BaseException]:
        await send_email.adelay(**welcome())
        hurt.valkey.signal(signal.SIGSTOP)
        try:
            calls = (with_a_clock(send_email.adelay(**welcome())) for _ in range(60))
            return [found for found, _ in await asyncio.gather(*calls)]
        finally:
            hurt.valkey.signal(signal.SIGCONT)

    assert {type(found) for found in asyncio.run(story())} == {StoreUnavailable}


def test_a_store_and_broker_that_are_down_are_an_error(hurt: Plant) -> None:
    hurt.valkey.kill()
    gate.suspect()
    found, _ = asyncio.run(with_a_clock(send_email.adelay(**welcome())))
    assert isinstance(found, BrokerUnavailable | StoreUnavailable)


def test_a_call_that_is_cancelled_says_whether_its_mail_is_stored(hurt: Plant) -> None:
    async def story() -> Enqueueing:
        await send_email.adelay(**welcome())
        hurt.valkey.signal(signal.SIGSTOP)
        call = send_email.adelay(**welcome("gone@example.com"))
        begun, own = threading.Event(), call._call

        def begin() -> MailResult:
            begun.set()
            return own()

        call._call = begin
        task = asyncio.create_task(call)
        while not begun.is_set():  # noqa: ASYNC110 - by a thread
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        hurt.valkey.signal(signal.SIGCONT)
        with pytest.raises(asyncio.CancelledError):
            await task
        return call

    call = asyncio.run(story())
    assert call.stored
    assert hurt.status(call.id).state == "waiting"


def test_a_timeout_around_it_works(hurt: Plant) -> None:
    async def story() -> None:
        await send_email.adelay(**welcome())
        hurt.valkey.signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(0.2):
                await send_email.adelay(**welcome())
        finally:
            hurt.valkey.signal(signal.SIGCONT)

    with pytest.raises(TimeoutError):
        asyncio.run(story())
