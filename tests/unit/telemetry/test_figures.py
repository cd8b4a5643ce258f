"""Real processes that count into one memory."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from notifier.telemetry.figures import SLOT, Figures

SETTLED = "notifier_settled_total"
SESSIONS = "notifier_sessions"
SENT = ("mail", "welcome", "sent")


def in_a_child(work: Callable[[], None]) -> int:
    """Its process id, once it has ended."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    return pid


def value(figures: Figures, metric: str, *labels: str) -> float:
    sums, _ = figures.read()
    (number,) = sums.get((metric, labels), [0.0])
    return number


def test_what_processes_count_is_added_up_and_stays_when_they_end() -> None:
    figures = Figures()
    for _ in range(3):
        in_a_child(lambda: figures.add(SETTLED, SENT))
    figures.add(SETTLED, SENT, 10)
    assert value(figures, SETTLED, *SENT) == 13


@pytest.mark.long
def test_processes_that_come_one_after_the_other_take_one_slot() -> None:
    figures = Figures()
    for _ in range(20):
        in_a_child(lambda: figures.add(SETTLED, SENT))
    assert os.fstat(figures._file).st_size == SLOT
    assert value(figures, SETTLED, *SENT) == 20


def test_a_gauge_is_that_of_living_processes_and_the_next_begins_at_nought() -> None:
    figures = Figures()
    ready, waiting = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        figures.add(SESSIONS, ("relay", "idle"), 2)
        os.write(ready[1], b".")
        os.read(waiting[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    assert value(figures, SESSIONS, "relay", "idle") == 2
    assert figures.read()[1] == 1
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert value(figures, SESSIONS, "relay", "idle") == 0
    in_a_child(lambda: figures.add(SESSIONS, ("relay", "idle"), 1))
    figures.add(SESSIONS, ("relay", "idle"), 5)  # in the same slot
    assert value(figures, SESSIONS, "relay", "idle") == 5
    for end in (*ready, *waiting):
        os.close(end)


def test_looking_does_not_take_a_living_process_for_a_dead_one() -> None:
    figures = Figures()
    figures.add(SESSIONS, ("relay", "in_use"), 1)
    for _ in range(2):
        in_a_child(lambda: check(value(figures, SESSIONS, "relay", "in_use") == 1))
        assert value(figures, SESSIONS, "relay", "in_use") == 1


def check(true: bool) -> None:
    if not true:
        os._exit(1)


def test_a_histogram_counts_a_value_in_its_bucket_and_adds_it_to_the_sum() -> None:
    figures = Figures()
    for seconds in (0.0005, 0.02, 0.02, 99.0):
        figures.observe("notifier_step_seconds", ("render",), seconds)
    sums, _ = figures.read()
    numbers = sums["notifier_step_seconds", ("render",)]
    assert numbers[0] == 1
    assert numbers[5] == 2
    assert numbers[-2] == 1
    assert numbers[-1] == pytest.approx(99.0405)


def test_threads_lose_no_figure() -> None:
    figures = Figures()
    threads = [threading.Thread(target=lambda: [figures.add(SETTLED, SENT) for _ in range(2000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(figures, SETTLED, *SENT) == 8000


def test_a_full_slot_goes_on_with_the_series_that_it_has() -> None:
    figures = Figures()
    for number in range(SLOT // 50):
        figures.add(SETTLED, (f"queue {number}", "welcome", "sent"))
    figures.add(SETTLED, ("queue 0", "welcome", "sent"))
    assert value(figures, SETTLED, "queue 0", "welcome", "sent") == 2
    assert value(figures, SETTLED, f"queue {SLOT // 50 - 1}", "welcome", "sent") == 0
