"""`Attempt`: one attempt at one mail. Mostly it has one leg; where recipients are reached by different ways it has more,
one after the other, and what became of each is put together before anything is decided. No I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from notifier.delivery.routing import Leg
from notifier.delivery.settling import (
    fault_of,
    settlement_after_error,
    settlement_after_outcome,
    settlement_between_legs,
)
from notifier.errors import RelayUnavailable
from notifier.model.envelope import MailObject
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.spent import Spent
from notifier.retry import Decision, GiveUp, Retry
from notifier.store.base import Claim, Settlement

Decide = Callable[[Outcome], Decision]
NOTHING_YET = Outcome(0, {})
_MOST = (Spent.NOTHING, Spent.SETBACK, Spent.ATTEMPT)  # of several legs' the last of these is the mail's


@dataclass(slots=True)
class Attempt:
    """``legs`` are still to be gone, the first one next. ``outcome`` is that of the legs that are over, as one; as long as
    none is, it has no recipients. ``at_dot``: a terminator may have been written whose outcome the ledger has not taken.
    """

    claim: Claim
    mail: MailObject = field(repr=False)
    legs: deque[Leg]
    outcome: Outcome = NOTHING_YET
    at_dot: bool = False
    _put_off: list[Retry] = field(default_factory=list)  # legs that could not be tried now
    _error: Exception | None = None  # why

    @property
    def leg(self) -> Leg:
        """The next one."""
        return self.legs[0]

    @property
    def over(self) -> bool:
        """True where no leg is left."""
        return not self.legs

    @property
    def untouched(self) -> bool:
        """True where no leg has been tried."""
        return self.outcome is NOTHING_YET and not self._put_off and not self.over

    @property
    def message(self) -> MailObject:
        """The mail for the recipients of the next leg."""
        if len(self.leg.paths) == len(self.mail.envelope.forward_paths):
            return self.mail
        return replace(self.mail, envelope=replace(self.mail.envelope, forward_paths=self.leg.paths))

    def leg_over(self, outcome: Outcome) -> None:
        """The next leg had this outcome. An unknown one is the last: whatever follows, the ledger must know first."""
        self.legs.popleft()
        self.outcome = _joined(self.outcome, outcome)
        if _is_unknown(outcome):
            self.legs.clear()

    def leg_begun(self, outcome: Outcome) -> Settlement:
        """Of the next leg so much is over; for its other recipients the server wants a further transaction."""
        self.outcome = _joined(self.outcome, outcome)
        return settlement_between_legs(self.claim, self.outcome)

    def leg_failed(self, error: Exception, decision: Decision) -> None:
        """The next leg could not be tried: its recipients wait, or are given up."""
        if isinstance(decision, GiveUp) and decision.fault is not None:
            self.leg_over(Outcome.for_all(0, self.leg.paths, decision.fault))
            return
        self.legs.popleft()
        self._error = error
        if isinstance(decision, Retry):
            self._put_off.append(decision)

    def settlement(self, decide: Decide) -> Settlement | None:
        """The edge that the ledger takes now; None where it has nothing to learn before the next leg."""
        if not self.over:
            return settlement_between_legs(self.claim, self.outcome) if self.outcome.terminator_sent else None
        if not self.outcome.recipients:
            error = self._error or RelayUnavailable("nothing was tried")
            return settlement_after_error(self.claim, error, self._after_errors(error))
        return settlement_after_outcome(self.claim, self.mail, self.outcome, self._joined_with(decide(self.outcome)))

    def _after_errors(self, error: Exception) -> Decision:
        return _later_of(self._put_off) if self._put_off else GiveUp(fault_of(error))

    def _joined_with(self, decision: Decision) -> Decision:
        """Some legs had an outcome and others could not be tried: those wait, whatever became of the rest."""
        if not self._put_off or _is_unknown(self.outcome):
            return decision
        return _later_of([*self._put_off, decision] if isinstance(decision, Retry) else self._put_off)


def _later_of(waits: list[Retry]) -> Retry:
    return Retry(max(one.delay for one in waits), spent=max((one.spent for one in waits), key=_MOST.index))


def _is_unknown(outcome: Outcome) -> bool:
    return outcome.terminator_sent and any(one.state is RecipientState.UNKNOWN for one in outcome.recipients.values())


def _joined(first: Outcome, second: Outcome) -> Outcome:
    return second._replace(
        recipients={**first.recipients, **second.recipients},
        reply=second.reply or first.reply,
        terminator_sent=first.terminator_sent or second.terminator_sent,
    )
