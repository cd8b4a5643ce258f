"""How mail flows: two looks at the queues, and what went out between them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from notifier.model.state import MailState
from notifier.tasks.overview import Overview, QueueStands

IN_FLIGHT = (MailState.CLAIMED, MailState.AT_DOT)


@dataclass(frozen=True, slots=True)
class QueueFlow:
    """``depth``: mails that are still to go out, those in flight among them. ``oldest``: seconds that the first of them
    is due; None where none is. ``rate``: mails sent a second between the two looks; None at the first. ``slots`` of
    workers that live.
    """

    queue: str
    depth: int
    oldest: float | None
    waiting: int
    in_flight: int
    rate: float | None
    slots: int


class Flow:
    """Remembers the look before. Times are seconds."""

    def __init__(self) -> None:
        self._sent: Mapping[str, int] = {}
        self._at: float | None = None

    def look(self, found: Overview) -> list[QueueFlow]:
        """Every queue now, with its rate since the look before."""
        now, before = time.monotonic(), self._at
        seconds = None if before is None else max(now - before, 1e-9)
        flows = [self._of(one, seconds) for one in found.queues]
        self._sent, self._at = {one.queue: one.counts[MailState.SENT] for one in found.queues}, now
        return flows

    def _of(self, one: QueueStands, seconds: float | None) -> QueueFlow:
        waiting, in_flight = one.counts[MailState.WAITING], sum(one.counts[state] for state in IN_FLIGHT)
        sent = one.counts[MailState.SENT] - self._sent.get(one.queue, 0)
        rate = None if seconds is None else round(max(sent, 0) / seconds, 3)
        late = None if one.first_due_at is None else round(time.time() - one.first_due_at, 3)
        oldest = late if late is not None and late > 0 else None
        return QueueFlow(one.queue, waiting + in_flight, oldest, waiting, in_flight, rate, one.slots)


def plain(flows: Sequence[QueueFlow]) -> list[dict[str, Any]]:
    """As JSON."""
    return [asdict(one) for one in flows]
