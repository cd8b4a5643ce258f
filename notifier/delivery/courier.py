"""`Courier`: the journey of claimed mails from screening to settlement, top to bottom.

Steps 3 to 9 of the journey. The courier alone decides that a mail is sent again; the pool and the session never do.
A mail whose settlement fails is left to the ledger: its lease ends, and the sweeper takes it over.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from notifier.delivery.composer import Composer
from notifier.delivery.settling import (
    handed_back,
    open_recipients,
    settlement_after_error,
    settlement_after_outcome,
    settlement_of_suppressed,
)
from notifier.errors import DeliveryError, FenceRejected, PoolError, StoreError, TemplateError
from notifier.model.envelope import MailObject
from notifier.model.events import Listener, MailSettled, ignore
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.spent import Spent
from notifier.protocol.transaction import check_mail
from notifier.retry import Past, RetryTable, decide, decide_error
from notifier.smtp.session import BeforeDot
from notifier.store.base import Claim, Settlement, Store

log = logging.getLogger(__name__)


class LentSession(Protocol):
    """What the courier needs of a session."""

    @property
    def transactions(self) -> int: ...
    @property
    def usable(self) -> bool: ...
    def send_many(self, mails: Sequence[MailObject], before_dot: BeforeDot | None = None) -> Iterator[Outcome]: ...


class Sessions(Protocol):
    """What the courier needs of the relays."""

    def session(self, deadline: float) -> AbstractContextManager[LentSession]: ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. ``session_wait``: for a free session; ``dot_deadline``: from the dot record to the terminator (r3)."""

    session_wait: float = 10.0
    dot_deadline: float = 30.0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A claimed mail with its message."""

    claim: Claim
    mail: MailObject = field(repr=False)


class Courier:
    """Delivers what a worker has claimed. Safe to share between threads."""

    def __init__(
        self,
        *,
        store: Store,
        pool: Sessions,
        composer: Composer,
        table: RetryTable,
        timing: Timing = Timing(),
        listener: Listener = ignore,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._pool = pool
        self._composer = composer
        self._table = table
        self._timing = timing
        self._listener = listener
        self._rng = rng

    def deliver(self, claims: Sequence[Claim]) -> None:
        """Take every claimed mail to its next state. Raises `StoreError` only: then leases and sweeper heal."""
        wanted = self._screen(claims)
        ready = [item for claim in wanted if (item := self._compose(claim)) is not None]
        if ready:
            self._hand_over(ready)

    # 3. screen ----------------------------------------------------------------------------------------------------

    def _screen(self, claims: Sequence[Claim]) -> list[Claim]:
        paths = sorted({path for claim in claims for path in open_recipients(claim)})
        suppressed = self._store.suppressed(paths)
        if not suppressed:
            return list(claims)
        return [screened for claim in claims if (screened := self._screened(claim, suppressed)) is not None]

    def _screened(self, claim: Claim, suppressed: Mapping[str, str]) -> Claim | None:
        hit = {path: RecipientState.SUPPRESSED for path in open_recipients(claim) if path in suppressed}
        screened = replace(claim, recipients={**claim.recipients, **hit})
        if open_recipients(screened):
            return screened
        self._settle(settlement_of_suppressed(screened, hit))
        return None

    # 4. render, 5. compose ----------------------------------------------------------------------------------------

    def _compose(self, claim: Claim) -> _Ready | None:
        try:
            mail = self._composer.compose(claim.email, open_recipients(claim), claim.composed)
            check_mail(mail)  # here, so that one that cannot be sent does not hold up the others of its batch
        except (TemplateError, ValueError, StoreError) as error:
            self._settle_errors([claim], error)
            return None
        return _Ready(claim, mail)

    # 6. checkout, 7. transaction ----------------------------------------------------------------------------------

    def _hand_over(self, ready: Sequence[_Ready]) -> None:
        unsent = dict(enumerate(ready))  # those whose terminator has surely not been written
        try:
            with self._pool.session(deadline=time.monotonic() + self._timing.session_wait) as session:
                self._transact(session, ready, unsent)
        except (DeliveryError, PoolError) as error:  # nothing of any mail had been handed over
            self._settle_errors([item.claim for item in unsent.values()], error)
        except FenceRejected as error:  # the session closed without a dot; the zombie is us
            log.warning("claim lost before the dot: %s", error)
            for item in unsent.values():
                if item.claim.mail_id not in error.mail_ids:
                    self._settle(handed_back(item.claim))
        except StoreError:
            # Perhaps the dot of one is recorded and that answer was lost: the terminator was not written for all that.
            # Of those whose terminator was, and whose outcome is not stored, the sweeper makes unknowns.
            self._hand_back(item.claim for item in unsent.values())
            raise

    def _transact(self, session: LentSession, ready: Sequence[_Ready], unsent: dict[int, _Ready]) -> None:
        fresh = session.transactions == 0

        def before_dot(positions: Sequence[int]) -> float:
            now = time.monotonic()
            self._store.begin_dot([ready[position].claim for position in positions])
            for position in positions:
                unsent.pop(position, None)
            return now + self._timing.dot_deadline

        for outcome in session.send_many([item.mail for item in ready], before_dot):
            unsent.pop(outcome.position, None)
            # Another connection helps only where this one has ended, and where it was not the first mail's own.
            fresh_retry_used = session.usable or (fresh and outcome.position == 0)
            self._decide(ready[outcome.position], outcome, fresh_retry_used=fresh_retry_used)

    def _hand_back(self, claims: Iterable[Claim]) -> None:
        """As far as the store takes it; what it does not take, leases and sweeper heal."""
        try:
            for claim in claims:
                self._settle(handed_back(claim))
        except StoreError as error:
            log.warning("mails not handed back: %s", error)

    # 8. decide, 9. act --------------------------------------------------------------------------------------------

    def _decide(self, item: _Ready, outcome: Outcome, *, fresh_retry_used: bool) -> None:
        past = _past(item.claim, fresh_retry_used=fresh_retry_used)
        decision = decide(outcome, recipients=item.claim.recipients, past=past, table=self._table, rng=self._rng)
        self._settle(settlement_after_outcome(item.claim, item.mail, outcome, decision))

    def _settle_errors(self, claims: Sequence[Claim], error: Exception) -> None:
        settlements = []
        for claim in claims:
            decision = decide_error(error, past=_past(claim), table=self._table, rng=self._rng)
            settlements.append(settlement_after_error(claim, error, decision))
        self._settle(*settlements)

    def _settle(self, *settlements: Settlement) -> None:
        refused: Sequence[str] = ()
        try:
            self._store.settle(settlements)
        except FenceRejected as error:
            log.warning("settlements came too late: %s", error)
            refused = error.mail_ids
        for one in settlements:
            if one.claim.mail_id not in refused:
                self._listener(_event(one))


def _past(claim: Claim, *, fresh_retry_used: bool = False) -> Past:
    return Past(claim.attempt, claim.setbacks, claim.deadline_in, fresh_retry_used)


def _event(settlement: Settlement) -> MailSettled:
    email = settlement.claim.email
    return MailSettled(
        mail_id=email.id,
        queue=email.queue,
        state=settlement.state,
        attempt=settlement.claim.attempt + (settlement.spent is Spent.ATTEMPT),
        seconds=time.time() - email.created_at,
        relay=settlement.relay,
        reply=settlement.reply,
        fault=settlement.fault,
    )
