from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from notifier.rendering.processor_limit import AGAIN, AtMost, TooLong

BRIEF = 0.02  # processor seconds


@pytest.fixture(autouse=True)
def timer_is_put_back() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGVTALRM)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, handler)


def works_until(over: threading.Event) -> None:
    while not over.is_set():
        pass


def test_work_without_end_is_stopped() -> None:
    with pytest.raises(TooLong), AtMost(BRIEF):
        works_until(threading.Event())


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_strike_that_is_swallowed_is_not_the_last() -> None:
    class Swallows:
        def __del__(self) -> None:
            works_until(threading.Event())

    def work() -> None:
        Swallows()
        works_until(threading.Event())

    with pytest.raises(TooLong), AtMost(BRIEF):
        work()


def test_what_ends_in_time_leaves_no_timer_behind() -> None:
    with AtMost(60):
        assert signal.getitimer(signal.ITIMER_VIRTUAL) != (0.0, 0.0)
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_an_error_leaves_no_timer_behind() -> None:
    with pytest.raises(KeyError), AtMost(60):
        raise KeyError
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_a_strike_that_comes_late_ends_nothing() -> None:
    with AtMost(60):
        pass
    signal.raise_signal(signal.SIGVTALRM)
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_waiting_takes_no_time_of_the_processor() -> None:
    with AtMost(BRIEF):
        threading.Event().wait(BRIEF * 3)
        left, _ = signal.getitimer(signal.ITIMER_VIRTUAL)
    assert 0 < left < AGAIN / 2, "the first strike is still to come"


def test_a_timer_of_somebody_else_is_left_alone() -> None:
    struck = threading.Event()

    def strike(*_: object) -> None:
        struck.set()

    signal.signal(signal.SIGVTALRM, strike)
    signal.setitimer(signal.ITIMER_VIRTUAL, BRIEF)
    with AtMost(60):
        works_until(struck)
    assert signal.getsignal(signal.SIGVTALRM) is strike


def test_a_thread_is_not_stopped() -> None:
    done = threading.Event()

    def work() -> None:
        with AtMost(BRIEF):
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done.is_set()
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
