from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from celery.worker import state
from kombu.asynchronous.semaphore import LaxBoundedSemaphore

from notifier.tasks.lost_slots import SWEEPS, LostSlots


class Request:
    def __init__(self, number: int) -> None:
        self.id = f"request-{number}"


@pytest.fixture
def requests() -> Iterator[list[Request]]:
    """Messages that the main process holds. The worker's own sets hold them weakly."""
    held = [Request(number) for number in range(3)]
    state.reserved_requests.update(held)
    yield held
    state.reserved_requests.clear()
    state.active_requests.clear()


def worker(slots: int = 2) -> SimpleNamespace:
    """One whose pool has lost every slot."""
    semaphore = LaxBoundedSemaphore(slots)
    semaphore.value = 0
    return SimpleNamespace(concurrency=slots, semaphore=semaphore)


def looks(lost: LostSlots, one: SimpleNamespace, times: int) -> list[int]:
    return [lost.look(one) for _ in range(times)]


def test_a_message_that_waits_beside_idle_slots_is_begun(requests: list[Request]) -> None:
    begun: list[str] = []
    one = worker()
    for request in requests:
        one.semaphore.acquire(begun.append, request.id)
    assert looks(LostSlots(), one, SWEEPS + 1) == [*[0] * SWEEPS, 2]
    assert begun == ["request-0", "request-1"], "as many as there are slots"


def test_busy_slots_are_not_lost(requests: list[Request]) -> None:
    state.active_requests.update(requests[:2])
    assert looks(LostSlots(), worker(), 2 * SWEEPS) == [0] * 2 * SWEEPS


def test_other_messages_each_time_are_a_worker_that_works(requests: list[Request]) -> None:
    lost, one = LostSlots(), worker()
    for request in requests:
        state.reserved_requests.clear()
        state.reserved_requests.add(request)
        assert lost.look(one) == 0


def test_a_pool_without_places_has_none_to_lose(requests: list[Request]) -> None:
    one = SimpleNamespace(concurrency=2, semaphore=None)
    assert looks(LostSlots(), one, SWEEPS + 1) == [0] * (SWEEPS + 1)
