"""A broker that dies while the main process reads what became of a task: the child is not lost to the worker."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis
from workers import plant, wait_until

from notifier.tasks.app import app

MUCH = 32_768  # octets of the result, which is much longer


def test_a_worker_goes_on_whose_broker_died_when_a_result_was_half_read(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.environ |= {"PYTHONPATH": str(Path(__file__).parents[1])}
        worker = made.start_worker(app="programs.fails_at_length", slots=2)
        with half_read_result(worker.pid), redis.Redis.from_url(made.valkey.url) as broker:
            # A worker that may have no more messages would not look at its connection before the child is done.
            wait_until(lambda: not waits_for_acknowledgement(broker), "the worker has acknowledged the message")
            made.valkey.kill()
            wait_until(lambda: "Connection to broker lost" in made.logs(), "the worker has seen it")
        made.valkey.start()
        wait_until(both_children_work(tmp_path / "meeting"), "a task that needs both children is done")


@contextmanager
def half_read_result(main: int) -> Iterator[None]:
    """A child stands still with a part of its result written, which the main process has read. So does the other."""
    children = [int(one) for one in Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()]
    app.send_task("fails_at_length", queue="mail")
    wait_until(lambda: unread(main) > MUCH, "the child has written a part of its result")
    send_signal(children, signal.SIGSTOP)
    os.kill(main, signal.SIGCONT)
    wait_until(lambda: unread(main) < MUCH, "the main process has read it")
    yield
    send_signal(children, signal.SIGCONT)


def both_children_work(place: Path) -> Callable[[], bool]:
    """Tasks for each at once."""
    place.mkdir()
    for name in ("one", "the other"):
        app.send_task("meets_another", (str(place), name), queue="mail")
    return lambda: len(list(place.iterdir())) == 2


def send_signal(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        os.kill(process, number)


def waits_for_acknowledgement(broker: redis.Redis) -> bool:
    return any(b"fails_at_length" in message for message in broker.hvals("unacked"))


def unread(process: int) -> int:
    """Octets that wait in the pipes that the process has open."""
    waiting = 0
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile, or a writing end
            if entry.readlink().name.startswith("pipe:"):
                waiting += _waiting(entry)
    return waiting


def _waiting(pipe: Path) -> int:
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return int(struct.unpack("i", fcntl.ioctl(reading, termios.FIONREAD, b"\0" * 4))[0])
    finally:
        os.close(reading)
