from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from celery.worker import state
from kombu.transport import virtual

from notifier.tasks.lost_credit import LostCredit

MOST = 2  # messages that the worker may have at once


class Request:
    def __init__(self, *, acknowledged: bool) -> None:
        self.acknowledged = acknowledged


@pytest.fixture
def qos() -> virtual.QoS:
    """Of a worker that has had as many messages as it may, none of them acknowledged."""
    made = virtual.QoS(SimpleNamespace(do_restore=False), prefetch_count=MOST)
    for number in range(MOST):
        made.append(object(), f"tag-{number}")
    return made


@pytest.fixture
def requests() -> Iterator[list[Request]]:
    """Messages that the main process holds. The worker's own set holds them weakly."""
    held: list[Request] = []
    yield held
    state.reserved_requests.clear()


def hold(requests: list[Request], *, acknowledged: bool) -> None:
    requests.append(Request(acknowledged=acknowledged))
    state.reserved_requests.add(requests[-1])


def worker(qos: object) -> SimpleNamespace:
    consumer = SimpleNamespace(channel=SimpleNamespace(qos=qos))
    return SimpleNamespace(consumer=SimpleNamespace(task_consumer=consumer))


def looks(lost: LostCredit, one: SimpleNamespace, times: int = 3) -> list[int]:
    return [lost.look(one) for _ in range(times)]


def test_a_worker_that_may_not_read_and_has_nothing_to_do_reads_again(qos: virtual.QoS) -> None:
    assert looks(LostCredit(), worker(qos)) == [0, MOST, 0]
    assert qos.can_consume()


def test_a_message_in_work_that_is_acknowledged_does_not_hide_the_loss(
    qos: virtual.QoS, requests: list[Request]
) -> None:
    hold(requests, acknowledged=True)
    assert looks(LostCredit(), worker(qos)) == [0, MOST, 0]


def test_a_message_that_is_acknowledged_at_its_end_keeps_its_place(qos: virtual.QoS, requests: list[Request]) -> None:
    hold(requests, acknowledged=False)
    assert looks(LostCredit(), worker(qos)) == [0, 0, 0]
    assert not qos.can_consume()


def test_a_worker_that_may_read_finds_out_by_itself(qos: virtual.QoS) -> None:
    qos.ack("tag-0")
    assert looks(LostCredit(), worker(qos)) == [0, 0, 0]


def test_other_messages_each_time_are_a_worker_that_works(qos: virtual.QoS) -> None:
    lost, one = LostCredit(), worker(qos)
    for number in range(0, 10, MOST):
        assert lost.look(one) == 0
        qos.ack(f"tag-{number}")
        qos.ack(f"tag-{number + 1}")
        qos.append(object(), f"tag-{number + MOST}")
        qos.append(object(), f"tag-{number + MOST + 1}")


@pytest.mark.parametrize(
    "one",
    [
        SimpleNamespace(),
        SimpleNamespace(consumer=SimpleNamespace(task_consumer=None)),
        worker(object()),
    ],
    ids=["no consumer yet", "a consumer that is not connected", "a broker that counts by itself"],
)
def test_nothing_is_looked_at_where_nothing_counts(one: SimpleNamespace) -> None:
    assert looks(LostCredit(), one) == [0, 0, 0]
