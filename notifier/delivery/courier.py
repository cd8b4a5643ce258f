"""`Courier`: the journey of claimed mails from screening to settlement, top to bottom.

Steps 3 to 9 of the journey. The courier alone decides that a mail is sent again; the pool and the session never do.
A final reply that the ledger cannot be told, or does not take, lies in the journal (`notifier.delivery.late`), and so does
that a mail was given up before its terminator. What the journal does not take is left to the ledger: the lease ends, and
the sweeper takes the mail over.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from notifier.delivery.attempt import Attempt
from notifier.delivery.behind import Behind
from notifier.delivery.composer import Composer
from notifier.delivery.draining import Drained, Draining, never
from notifier.delivery.late import evidence_of
from notifier.delivery.limiter import Held, Limiter
from notifier.delivery.routing import LentSession, Router, Sessions
from notifier.delivery.settling import (
    handed_back,
    open_recipients,
    settlement_after_error,
    settlement_of_held,
    settlement_of_paused,
    settlement_of_suppressed,
)
from notifier.delivery.shield import NO_SHIELD, Shield
from notifier.errors import (
    DeliveryError,
    FenceRejected,
    Phase,
    PoolError,
    RelayFull,
    StoreError,
    StoreUnavailable,
    TemplateError,
    fault_error,
)
from notifier.model.email import Email
from notifier.model.events import Listener, MailHeld, MailsDelivered, MailSettled, ignore
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.pause import Pause, Pauses
from notifier.model.spent import Spent
from notifier.model.state import MailState
from notifier.model.stopwatch import Lap, Step, Took
from notifier.protocol import taxonomy
from notifier.protocol.transactions import check_mail
from notifier.retry import Decision, Past, Retry, RetryTable, decide, decide_error
from notifier.store.base import Claim, Settlement, Store
from notifier.store.evidence import Evidence

log = logging.getLogger(__name__)

HOSTS_MAY_BE_GONE = 24 * 3600.0  # seconds
GoesOn = Callable[[], None]  # `Behind.goes_on`


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. ``session_wait``: for a free session; ``dot_deadline``: from the dot record to the terminator (r3);
    ``held_up``: that mails wait for the relay of others before they are given back.
    """

    session_wait: float = 10.0
    dot_deadline: float = 30.0
    held_up: float = 1.0


def no_journal(evidence: Evidence) -> bool:
    """Keep nothing: what the ledger did not take becomes unknown."""
    del evidence
    return False


class Courier:
    """Delivers what a worker has claimed. Safe to share between threads. ``table``: the retry table of a mail class."""

    def __init__(
        self,
        *,
        store: Store,
        router: Router,
        composer: Composer,
        limiter: Limiter,
        pauses: Pauses,
        table: Callable[[str], RetryTable],
        timing: Timing = Timing(),
        listener: Listener = ignore,
        keep: Callable[[Evidence], bool] = no_journal,
        shield: Shield = NO_SHIELD,
        rng: Callable[[], float] = random.random,
        redacted: Callable[[Settlement], Settlement] = lambda one: one,
        mailing_list: Callable[[Email], str | None] = lambda _: None,
        draining: Draining = never,
    ) -> None:
        self._store = store
        self._router = router
        self._composer = composer
        self._limiter = limiter
        self._pauses = pauses
        self._table = table
        self._timing = timing
        self._listener = listener
        self._keep = keep
        self._shield = shield
        self._rng = rng
        self._redacted = redacted
        self._mailing_list = mailing_list
        self._draining = draining

    def deliver(self, claims: Sequence[Claim]) -> bool:
        """Take every claimed mail to its next state. Raises `StoreError` only: then those that no terminator was written for are
        handed back, and of those whose terminator was, and whose outcome is not stored, the sweeper makes unknowns.

        False where it is no use to claim more now: all were handed back, for those who have the relays' connections.
        """
        lap = Lap()
        attempts: list[Attempt] = []
        try:
            return self._deliver(claims, attempts)
        except StoreError:
            # Perhaps the dot of one is recorded and that answer was lost: its terminator was not written for all that.
            at_dot = {attempt.claim.mail_id for attempt in attempts if attempt.at_dot}
            self._hand_back(claim for claim in claims if claim.mail_id not in at_dot)
            raise
        finally:
            if claims:
                self._listener(MailsDelivered(claims[0].email.queue, len(claims), lap.began, lap.seconds))

    def _deliver(self, claims: Sequence[Claim], attempts: list[Attempt]) -> bool:
        wanted = self._within_limits(self._screen(self._going_on(claims)))
        attempts += (attempt for claim in wanted if (attempt := self._compose(claim)) is not None)
        useful = not attempts
        going: Sequence[Attempt] = attempts
        while going:  # mostly once: a mail whose recipients are reached by several ways has several legs
            behind = Behind(_by_way(going), self._give_back, self._timing.held_up)
            for sessions, theirs in behind:
                with behind.waiting():
                    useful = self._hand_over(sessions, theirs, behind.goes_on) or useful
            going = [attempt for attempt in going if not attempt.over]
        return useful

    # 3. screen ----------------------------------------------------------------------------------------------------

    def _going_on(self, claims: Sequence[Claim]) -> list[Claim]:
        """Those whose tenant is not paused."""
        tenants = {claim.email.tenant for claim in claims}
        paused = {name: why for name in tenants if (why := self._pauses.why(Pause("tenant", name))) is not None}
        if paused:
            waiting = [claim for claim in claims if claim.email.tenant in paused]
            self._settle(*(_of_paused_tenant(claim, paused) for claim in waiting))
        return [claim for claim in claims if claim.email.tenant not in paused]

    def _screen(self, claims: Sequence[Claim]) -> list[Claim]:
        """The claims say who is on the suppression list, where lower case is the same for the store and for us."""
        paths: dict[str | None, set[str]] = {}
        for claim in claims:
            if others := {path for path in open_recipients(claim) if not path.isascii()}:
                paths.setdefault(self._mailing_list(claim.email), set()).update(others)
        suppressed = {one: self._store.suppressed(sorted(theirs), one) for one, theirs in paths.items()}
        screened = (self._screened(claim, suppressed.get(self._mailing_list(claim.email), {})) for claim in claims)
        return [claim for claim in screened if claim is not None]

    def _screened(self, claim: Claim, suppressed: Mapping[str, str]) -> Claim | None:
        hit = {path: RecipientState.SUPPRESSED for path in open_recipients(claim) if path in suppressed}
        screened = replace(claim, recipients={**claim.recipients, **hit}) if hit else claim
        if open_recipients(screened):
            return screened
        self._settle(settlement_of_suppressed(screened))
        return None

    def _within_limits(self, claims: Sequence[Claim]) -> list[Claim]:
        """Those that may go now; the others wait in the store, and nobody sleeps."""
        held = self._limiter.held(claims)
        if held:
            self._settle(*(settlement_of_held(one.claim, one.seconds, one.words) for one in held))
            self._tell_held(held)
        waiting = {one.claim.mail_id for one in held}
        return [claim for claim in claims if claim.mail_id not in waiting]

    def _tell_held(self, held: Sequence[Held]) -> None:
        for one in held:
            self._listener(MailHeld(one.claim.email.queue, one.keys))

    # 4. render, 5. compose ----------------------------------------------------------------------------------------

    def _compose(self, claim: Claim) -> Attempt | None:
        paths = open_recipients(claim)
        try:
            account = self._router.account_of(claim.email)
            mail = self._composer.compose(
                claim.email, paths, claim.composed, reverse_path=account.reverse_path, watch=claim.watch
            )
            check_mail(mail)  # here, so that one that cannot be sent does not hold up the others of its batch
        except (TemplateError, ValueError, StoreError, DeliveryError) as error:
            self._settle(settlement_after_error(claim, error, self._decided(claim, error)))
            return None
        return Attempt(claim, mail, deque(account.ways.legs(paths)))

    # 6. checkout, 7. transaction ----------------------------------------------------------------------------------

    def _hand_over(self, sessions: Sessions, attempts: Sequence[Attempt], goes_on: GoesOn) -> bool:
        """False where others have all the connections, and the mails are theirs to send."""
        unsent = {attempt.claim.mail_id: attempt for attempt in attempts}  # no terminator of theirs has been written
        checkout: Lap | None = None
        try:
            while unsent:  # mostly once: a session carries so many mails and no more
                self._check_draining()
                checkout = Lap()
                with sessions.session(deadline=time.monotonic() + self._timing.session_wait) as session:
                    goes_on()
                    portion = list(unsent.values())[: session.room]
                    _took(portion, checkout.took(Step.CHECKOUT))
                    checkout = None
                    self._transact(session, self._within_relays_limit(session, portion, unsent), unsent, goes_on)
        except (RelayFull, Drained) as error:
            # Not put off: whoever has a connection would find nothing that is due.
            log.debug("mails handed back: %s", error)
            self._give_back(tuple(unsent.values()))
            return len(unsent) < len(attempts)
        except (DeliveryError, PoolError) as error:  # nothing of any mail had been handed over
            if checkout is not None:
                _took(unsent.values(), checkout.took(Step.CHECKOUT, failed=True))
            for attempt in unsent.values():
                attempt.leg_failed(error, self._decided(attempt.claim, error))
            found = [self._settlement(attempt) for attempt in unsent.values()]
            self._settle(*(one for one in found if one is not None))
        except FenceRejected as error:  # the session closed without a dot; the zombie is us
            log.warning("claim lost before the dot: %s", error)
            self._end(unsent.values())
            self._settle(*(handed_back(one.claim) for key, one in unsent.items() if key not in error.mail_ids))
        return True

    def _check_draining(self) -> None:
        if self._draining():
            raise Drained("the worker is told to end")

    def _give_back(self, attempts: Sequence[Attempt]) -> None:
        """They are due at once, for whoever comes. Raises `StoreError`, and then nothing has changed."""
        left = [attempt.claim for attempt in attempts]
        self._settle(*map(handed_back, left))
        self._end(attempts)
        self._limiter.give_back(left)

    @staticmethod
    def _end(attempts: Iterable[Attempt]) -> None:
        for attempt in attempts:
            attempt.legs.clear()

    def _within_relays_limit(
        self, session: LentSession, portion: list[Attempt], unsent: dict[str, Attempt]
    ) -> list[Attempt]:
        """Those that the relay's rate lets through; the others leave ``unsent`` and wait."""
        every = self._limiter.held_by_relay(session.rate, [attempt.claim for attempt in portion])
        self._tell_held(every)
        for held in every:
            attempt = unsent.pop(held.claim.mail_id)
            over = fault_error(taxonomy.fault("LIM", Phase.MAIL, held.words))
            attempt.leg_failed(over, Retry(held.seconds, spent=Spent.NOTHING))
            self._settle_leg(attempt)
        return [attempt for attempt in portion if attempt.claim.mail_id in unsent]

    def _transact(
        self, session: LentSession, ready: Sequence[Attempt], unsent: dict[str, Attempt], goes_on: GoesOn
    ) -> None:
        fresh = session.transactions == 0
        held: list[tuple[Attempt, Settlement]] = []  # while more replies are here already: one round trip for all
        at_dot: set[int] = set()
        over: list[int] = []
        turn, dots = Lap(), dict[int, Lap]()

        def put_down() -> None:
            theirs, held[:] = held[:], []
            self._settle_legs(theirs)
            at_dot.difference_update(over)
            between_mails = bool(over) and not at_dot
            over.clear()
            if not at_dot:
                self._shield.down()
            if between_mails and any(attempt.claim.mail_id in unsent for attempt in ready):
                self._check_draining()

        def before_dot(positions: Sequence[int]) -> float:
            if self._shield.struck or self._draining():  # then the turn between two mails is a moment to end in
                put_down()
            now = time.monotonic()
            claims = [ready[position].claim for position in positions]
            self._shield.up()
            theirs, held[:] = [*held, *_begun(session, ready, unsent)], []
            at_dot.update(positions)
            self._settle_legs_and_begin_dot(theirs, claims)
            at_dot.difference_update(over)
            over.clear()
            dots.update(dict.fromkeys(positions, Lap()))
            for position in positions:
                ready[position].at_dot = True
                unsent.pop(ready[position].claim.mail_id, None)
            return min(now + self._timing.dot_deadline, *(claim.until for claim in claims))

        try:
            outcomes = session.send_many([attempt.message for attempt in ready], before_dot, put_down)
            for outcome in _heard(outcomes, goes_on):
                attempt = ready[outcome.position]
                unsent.pop(attempt.claim.mail_id, None)
                dot = dots.get(outcome.position) if outcome.terminator_sent else None
                _took_its_turn(attempt, turn, dot, failed=bool(outcome.faults))
                turn = Lap()
                self._limiter.learn(outcome, session.rate)
                attempt.leg_over(outcome)
                # Another connection helps only where this one has ended, and where it was not the first mail's own.
                settlement = self._settlement(
                    attempt, fresh_retry_used=session.usable or (fresh and outcome.position == 0)
                )
                over.append(outcome.position)
                if settlement is not None:
                    held.append((attempt, settlement))
            put_down()
        finally:
            try:
                self._settle_legs(held)  # where something breaks off, and nothing else may take its place
            finally:
                self._shield.drop()

    def _settle_leg(self, attempt: Attempt) -> None:
        settlement = self._settlement(attempt)
        if settlement is not None:
            self._settle_legs([(attempt, settlement)])

    def _settle_legs(self, legs: Sequence[tuple[Attempt, Settlement]]) -> None:
        if not legs:
            return
        try:
            self._taken(legs, self._settle(*(settlement for _, settlement in legs)))
        except StoreError as error:
            if not self._all_kept(legs) or not isinstance(error, StoreUnavailable):
                raise

    def _settle_legs_and_begin_dot(self, legs: Sequence[tuple[Attempt, Settlement]], claims: Sequence[Claim]) -> None:
        """The outcomes that are here and the next dots, one round trip for both."""
        if not legs:
            self._store.begin_dot(claims)
            return
        settlements = tuple(self._redacted(settlement) for _, settlement in legs)
        try:
            turn = self._store.settle_and_begin_dot(settlements, claims)
        except StoreUnavailable:
            # What is kept of a mail says that the rest of it waits: that must not be under way when it is told.
            goes_on = any(settlement.state is MailState.CLAIMED for _, settlement in legs)
            if not self._all_kept(legs) or goes_on:
                raise
            self._store.begin_dot(claims)
            return
        self._told(settlements, turn.too_late)
        self._taken(legs, turn.too_late)
        if turn.lost:
            raise FenceRejected(turn.lost)

    def _taken(self, legs: Sequence[tuple[Attempt, Settlement]], too_late: Sequence[str]) -> None:
        """The ledger has the outcomes, but for those that it took over before they came: they are evidence."""
        for attempt, settlement in legs:
            if settlement.claim.mail_id in too_late:
                self._kept(attempt, settlement)
            elif settlement.state is MailState.CLAIMED:
                attempt.at_dot = False  # other recipients' turn comes

    def _all_kept(self, legs: Sequence[tuple[Attempt, Settlement]]) -> bool:
        kept = [self._kept(attempt, settlement) for attempt, settlement in legs]  # each, whatever became of another
        return all(kept)

    def _kept(self, attempt: Attempt, settlement: Settlement) -> bool:
        """True where a final reply was read and lies in the journal now: others in flight may be read too (r6).

        Of a mail that is unknown for some of its recipients, whoever has accepted it is worth keeping (LMTP, several legs).
        """
        said = RecipientState.ACCEPTED in settlement.recipients.values() or settlement.state is not MailState.UNKNOWN
        if not attempt.outcome.terminator_sent or not said:
            return False
        if settlement.state is MailState.CLAIMED:  # no dot of the other legs could be recorded: they wait
            settlement = replace(settlement, state=MailState.WAITING)
            attempt.legs.clear()
        return self._keep(evidence_of(self._redacted(settlement)))

    def _hand_back(self, claims: Iterable[Claim]) -> None:
        """Where the ledger does not take it the journal may: else it takes a lease, and counts as a worker that ended."""
        back = [handed_back(claim) for claim in claims]
        try:
            self._settle(*back)
        except StoreError as error:
            log.warning("mails not handed back: %s", error)
            for one in back:
                self._keep(evidence_of(one))

    # 8. decide, 9. act --------------------------------------------------------------------------------------------

    def _decided(self, claim: Claim, error: Exception) -> Decision:
        table = self._table(claim.email.mail_class)
        return decide_error(_for_good(error, claim), past=_past(claim), table=table, rng=self._rng)

    def _settlement(self, attempt: Attempt, *, fresh_retry_used: bool = True) -> Settlement | None:
        past = _past(attempt.claim, fresh_retry_used=fresh_retry_used)
        known = attempt.claim.recipients
        table = self._table(attempt.claim.email.mail_class)
        return attempt.settlement(partial(decide, recipients=known, past=past, table=table, rng=self._rng))

    def _settle(self, *settlements: Settlement) -> Sequence[str]:
        """Returns those that came too late."""
        refused: Sequence[str] = ()
        settlements = tuple(map(self._redacted, settlements))
        try:
            self._store.settle(settlements)
        except FenceRejected as error:
            refused = error.mail_ids
        self._told(settlements, refused)
        return refused

    def _told(self, settlements: Iterable[Settlement], too_late: Sequence[str]) -> None:
        if too_late:
            log.warning("settlements came too late: %s", FenceRejected(too_late))
        for one in settlements:
            if one.claim.mail_id not in too_late:
                self._listener(_event(one))


def _heard(outcomes: Iterable[Outcome], goes_on: GoesOn) -> Iterator[Outcome]:
    for outcome in outcomes:
        goes_on()
        yield outcome


def _begun(
    session: LentSession, ready: Sequence[Attempt], unsent: dict[str, Attempt]
) -> Iterator[tuple[Attempt, Settlement]]:
    """What is over of mails that go on in a further transaction. The rest of them is unsent until its dot is recorded."""
    for outcome in session.begun:
        attempt = ready[outcome.position]
        unsent[attempt.claim.mail_id] = attempt
        yield attempt, attempt.leg_begun(outcome)


def _of_paused_tenant(claim: Claim, why: Mapping[str, str]) -> Settlement:
    tenant = claim.email.tenant
    return settlement_of_paused(claim, Pause("tenant", tenant), why[tenant])


def _for_good(error: Exception, claim: Claim) -> Exception:
    """Row D5: MX hosts without an address are waited for, and not longer than a day."""
    if not (isinstance(error, DeliveryError) and error.taxonomy_id == "D5"):
        return error
    if time.time() - claim.email.created_at <= HOSTS_MAY_BE_GONE:
        return error
    return fault_error(taxonomy.fault("D5P", error.fault.phase, error.fault.text, enhanced="5.4.4"))


def _past(claim: Claim, *, fresh_retry_used: bool = True) -> Past:
    return Past(claim.attempt, claim.setbacks, claim.deadline_in, fresh_retry_used)


def _took(attempts: Iterable[Attempt], took: Took) -> None:
    for attempt in attempts:
        attempt.claim.watch.took.append(took)


def _took_its_turn(attempt: Attempt, turn: Lap, dot: Lap | None, *, failed: bool) -> None:
    """A mail's turn begins where the one before has its reply, or with its own dot where several are in flight."""
    if dot is None:
        _took([attempt], turn.took(Step.TRANSACTION, failed=failed))
        return
    begun = turn if turn.began <= dot.began else dot
    attempt.claim.watch.took += (
        begun.took(Step.TRANSACTION, failed=failed),
        dot.took(Step.DOT_WAIT, failed=failed),
    )


def _by_way(attempts: Iterable[Attempt]) -> list[tuple[Sessions, list[Attempt]]]:
    """Those whose next legs go the same way, together. A relay that may let us wait comes after those that will not."""
    ways: dict[Sessions, list[Attempt]] = {}
    for attempt in attempts:
        ways.setdefault(attempt.leg.sessions, []).append(attempt)
    found = list(ways.items())
    if len(found) > 1:
        found.sort(key=lambda way: way[0].prospect)
    return found


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
        template=email.template,
        recipients=tuple(settlement.claim.recipients),
        trace=email.trace,
        began=settlement.claim.watch.began,
        took=settlement.claim.watch.take(),
    )
