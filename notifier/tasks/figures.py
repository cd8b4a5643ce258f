"""Throughput and latency, from what the store has counted and from the records of mails that were sent."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from notifier.model.state import MailState
from notifier.reports.delivery_figures import days_of
from notifier.store.base import MailStatus
from notifier.tasks.runtime import runtime

HOURS = 24
SAMPLE = 1000  # records that are read for the latencies
HOUR = 3600.0

Day = tuple[date, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Latency:
    """From enqueue to the relay's word, seconds, of the mails of one hour; ``mails`` of them were seen."""

    hour: datetime
    mails: int
    median: float
    slow: float  # one mail in twenty takes longer


def all_counts() -> list[Mapping[MailState, int]]:
    """Each queue's mails by state, ended ones since the store began. Raises `StoreUnavailable`."""
    store = runtime().store
    return [store.counts(queue) for queue in store.queues()]


def throughput(days: int) -> list[Day]:
    """Recipients by day, UTC: sent, deferred (each time), failed. Raises `StoreUnavailable`."""
    store = runtime().store
    last = datetime.now(UTC).date()
    first = last - timedelta(days=days - 1)
    return days_of(store.tallies.of(store.queues(), first, last), first, last)


def latencies() -> list[Latency]:
    """Of the last `HOURS`, from a sample of the mails that were sent. Raises `StoreUnavailable`.

    SCAN goes through keys by their hashes: what it shows first is as good as a draw.
    """
    since = time.time() - HOURS * HOUR
    piece = runtime().store.look_through(lambda mail: _sent_at(mail) > since, wanted=SAMPLE, most=SAMPLE)
    hours: dict[float, list[float]] = {}
    for mail in piece.found:
        hours.setdefault(_sent_at(mail) // HOUR, []).append(max(0.0, _sent_at(mail) - mail.created_at))
    return [_latency(hour, sorted(seconds)) for hour, seconds in sorted(hours.items())]


def _sent_at(mail: MailStatus) -> float:
    """Seconds since the epoch; nought for what was not sent, and for what was to wait for its time."""
    if mail.state is not MailState.SENT or not mail.history:
        return 0.0
    return float(mail.history[-1]["at"])


def _latency(hour: float, seconds: Sequence[float]) -> Latency:
    last = len(seconds) - 1
    return Latency(
        datetime.fromtimestamp(hour * HOUR, UTC), len(seconds), seconds[last // 2], seconds[last * 95 // 100]
    )
