from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from kombu.asynchronous import Hub

from notifier.tasks.half_read import PatientResultHandler

RESULT = 77  # a state of ours, so that what was read is seen
SENT = ("the words of a failure",)
BODY = pickle.dumps((RESULT, SENT))
MESSAGE = struct.pack(">i", len(BODY)) + BODY


class Pipe:
    """What a child writes into, and the main process reads with Celery's loop."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.got: list[str] = []
        self.hub = Hub()
        self.children: dict[int, object] = {self.reading: object()}
        self.handler = PatientResultHandler(
            *[None] * 8, on_job_ready=None, fileno_to_outq=self.children, on_process_alive=None
        )
        self.handler.state_handlers[RESULT] = self.got.append
        self.handler.partial_read_timeout = self.handler.partial_read_deadline = 0.0
        self.connect()

    def connect(self) -> None:
        """As at each start of the consumer."""
        self.handler.register_with_event_loop(self.hub)
        self.hub.add_reader(self.reading, self.handler.handle_event, self.reading)

    def lose_the_broker(self) -> None:
        self.hub.reset()
        self.hub._loop = None
        self.connect()

    def comes(self, octets: bytes) -> None:
        if octets:
            os.write(self.writing, octets)
            self.hub.run_once()

    def close(self) -> None:
        self.hub.close()
        os.close(self.reading)
        os.close(self.writing)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@pytest.mark.parametrize("cut", range(len(MESSAGE)))
def test_a_result_is_whole_wherever_the_broker_was_lost(pipe: Pipe, cut: int) -> None:
    pipe.comes(MESSAGE[:cut])
    pipe.lose_the_broker()
    pipe.comes(MESSAGE[cut:])
    pipe.comes(MESSAGE)
    assert pipe.got == [*SENT, *SENT]


def test_a_result_is_whole_where_the_broker_was_lost_at_each_octet(pipe: Pipe) -> None:
    for octet in MESSAGE:
        pipe.comes(bytes([octet]))
        pipe.lose_the_broker()
    assert pipe.got == [*SENT]


def test_another_child_with_the_same_number_begins_anew(pipe: Pipe) -> None:
    pipe.comes(MESSAGE[:-1])
    pipe.children[pipe.reading] = object()
    pipe.lose_the_broker()
    pipe.comes(MESSAGE)
    assert pipe.got == [*SENT]


def test_the_stop_of_the_pool_finds_the_half_that_was_read(pipe: Pipe) -> None:
    pipe.comes(MESSAGE[:20])
    pipe.lose_the_broker()
    os.write(pipe.writing, MESSAGE[20:])
    child = SimpleNamespace(outq=SimpleNamespace(_reader=SimpleNamespace(poll=lambda _: True)), _is_alive=lambda: True)
    assert pipe.handler._finish_partial_read(pipe.reading, child) is False
    assert pipe.got == [*SENT]
