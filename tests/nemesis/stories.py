"""For every edge of the ledger how a mail comes to it, and where that mail may end. A missing edge fails a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from nemesis.failpoints import Failpoint, Moment, Seam
from nemesis.relay import Answer
from nemesis.stage import FAR, LEFT, SERVED, Stage, call_of, leave_evidence, restore_an_older_ledger
from notifier.model.state import MailState as S

Arrange = Callable[[Stage, Sequence[str]], Any]
Steps = Callable[[str], dict[str, Any]]
BOTH = tuple(Moment)


@dataclass(frozen=True)
class Story:
    """``arrange`` brings mails to the edge; ``step`` is what somebody outside the worker does with one then."""

    seam: Seam
    edge: str
    arrange: Arrange
    ends: frozenset[S] = frozenset({S.SENT})
    moments: tuple[Moment, ...] = BOTH
    step: Steps | None = field(default=None, repr=False)

    @property
    def failpoints(self) -> Iterator[Failpoint]:
        """One for each moment."""
        return (Failpoint(self.seam, moment, self.edge) for moment in self.moments)


def _sends(answer: Answer, **more: Any) -> Arrange:
    return lambda stage, ids: stage.send(ids, answer, **more)


def _ends(*states: S) -> frozenset[S]:
    return frozenset(states)


def _told_late(arrange: Arrange, state: S) -> Arrange:
    return lambda stage, ids: leave_evidence(arrange(stage, ids), state)


def _after_unknown(*, arrived: bool, mail_class: str = "transactional") -> Arrange:
    return lambda stage, ids: stage.unknown(ids, arrived=arrived, mail_class=mail_class)


def _before_a_restore(stage: Stage, ids: Sequence[str]) -> None:
    stage.send(ids, mail_class="bulk", queue=stage.late, countdown=FAR)
    restore_an_older_ledger()


def _decides(state: S) -> Steps:
    return lambda mail: {"seam": Seam.RESOLVE, "mail": mail, "state": state}


_TWO = ("example.com", "example.net")
_FINE = _sends(Answer.FINE)


def _waits(stage: Stage, ids: Sequence[str]) -> None:
    stage.send(ids, queue=stage.late, countdown=FAR)


IN_A_CHILD = (
    Story(Seam.CLAIM, "waiting>claimed", _FINE),
    Story(Seam.BEGIN_DOT, "claimed>at_dot", _FINE),
    Story(Seam.REPLY, "", _FINE, moments=(Moment.BEFORE,)),
    Story(Seam.SETTLE, "at_dot>sent", _FINE),
    Story(Seam.RENEW, "", _sends(Answer.SLOW)),
    Story(Seam.SETTLE, "claimed>waiting", _sends(Answer.RCPT_LATER)),
    Story(Seam.SETTLE, "claimed>failed", _sends(Answer.RCPT_NEVER), _ends(S.FAILED)),
    Story(Seam.SETTLE, "claimed>sent", Stage.one_of_two_has_it),
    Story(Seam.SETTLE, "at_dot>waiting", _sends(Answer.DOT_LATER)),
    Story(Seam.SETTLE, "at_dot>failed", _sends(Answer.DOT_NEVER), _ends(S.FAILED)),
    Story(Seam.SETTLE, "at_dot>claimed", _sends(Answer.FINE, domains=_TWO)),
    Story(Seam.SETTLE, "unknown>waiting", _sends(Answer.REPLY_LOST)),
    Story(Seam.SETTLE, "unknown>parked", _sends(Answer.REPLY_LOST, mail_class="bulk"), _ends(S.PARKED)),
)

IN_MAIN = (
    Story(Seam.SWEEP, "claimed>waiting", lambda stage, ids: stage.claimed(ids, LEFT)),
    Story(Seam.SWEEP, "claimed>quarantined", Stage.crashed_twice, _ends(S.QUARANTINED)),
    Story(Seam.SWEEP, "at_dot>unknown", lambda stage, ids: stage.at_dot(ids, LEFT, arrived=True)),
    Story(Seam.SWEEP, "waiting>expired", Stage.about_to_expire, _ends(S.EXPIRED)),
    Story(Seam.EVIDENCE, "waiting>sent", _told_late(_after_unknown(arrived=True), S.SENT)),
    Story(Seam.EVIDENCE, "waiting>failed", _told_late(_after_unknown(arrived=False), S.FAILED), _ends(S.FAILED)),
    Story(Seam.EVIDENCE, "parked>sent", _told_late(_after_unknown(arrived=True, mail_class="bulk"), S.SENT)),
    Story(
        Seam.EVIDENCE,
        "parked>failed",
        _told_late(_after_unknown(arrived=False, mail_class="bulk"), S.FAILED),
        _ends(S.FAILED),
    ),
    *(
        Story(Seam.EVIDENCE, f"{dead}>sent", _told_late(partial(Stage.dead_after_unknown, state=dead), S.SENT))
        for dead in (S.FAILED, S.EXPIRED, S.QUARANTINED)
    ),
    Story(Seam.PARK, "waiting>parked", _before_a_restore, _ends(S.PARKED)),
)

_PARKED = _after_unknown(arrived=True, mail_class="bulk")

OUTSIDE = (
    Story(
        Seam.ADD,
        "",
        lambda stage, ids: None,
        step=lambda mail: {"seam": Seam.ADD, "mail": mail, "call": call_of(mail, Answer.FINE), "queue": SERVED},
    ),
    Story(
        Seam.CANCEL,
        "waiting>cancelled",
        _waits,
        _ends(S.CANCELLED),
        step=lambda mail: {"seam": Seam.CANCEL, "mail": mail},
    ),
    Story(
        Seam.RESCHEDULE,
        "waiting>waiting",
        _waits,
        step=lambda mail: {"seam": Seam.RESCHEDULE, "mail": mail, "send_at": time.time()},
    ),
    Story(Seam.RESOLVE, "parked>sent", _PARKED, step=_decides(S.SENT)),
    Story(Seam.RESOLVE, "parked>waiting", _PARKED, step=_decides(S.WAITING)),
    Story(Seam.RESOLVE, "parked>discarded", _PARKED, _ends(S.DISCARDED), step=_decides(S.DISCARDED)),
    *(
        Story(
            Seam.RESOLVE,
            f"{dead}>{state}",
            partial(Stage.dead, state=dead),
            _ends(S.SENT if state is S.WAITING else state),
            step=_decides(state),
        )
        for dead in (S.FAILED, S.EXPIRED, S.QUARANTINED)
        for state in (S.WAITING, S.DISCARDED)
    ),
)

STORIES = (*IN_A_CHILD, *IN_MAIN, *OUTSIDE)
