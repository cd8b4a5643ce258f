"""The ledger against a model of it: whatever happens in whatever order, mails move along EDGES and fences only grow."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import pytest
from driven import driven
from fake_ledger import Clock, fake_redis, fake_store
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from store_conformance import an_email

from notifier.delivery.late import evidence_of
from notifier.errors import FenceRejected, StoreError
from notifier.model.mail_class import SHIPPED_CLASSES, Delivery, MailClass
from notifier.model.outcome import RecipientState
from notifier.model.proof import Proof
from notifier.model.state import DEAD, EDGES, ENDED, EVIDENCE, MailState
from notifier.store.base import Claim, Settlement, Takeover
from notifier.store.evidence import Verdict

TAKEOVER = Takeover(lease=10.0, at_dot=40.0, bell=3.0, batch=2, grace=30.0)
CLASSES = {
    **SHIPPED_CLASSES,
    "proven": MailClass("proven", Delivery.EVIDENCE_FIRST, 3600.0, "mail", evidence_for=45.0),
    "proven_or_again": MailClass(
        "proven_or_again", Delivery.EVIDENCE_FIRST, 3600.0, "mail", evidence_for=15.0, then=Delivery.AT_LEAST_ONCE
    ),
}
SETTLED_AS = ("waiting", "sent", "failed", "expired", "quarantined", "unknown")
FOR_PEOPLE = DEAD | {MailState.PARKED, MailState.UNKNOWN}
MOST_CRASHES = 3
SAID = {"sent": RecipientState.ACCEPTED, "waiting": RecipientState.DEFERRED, "failed": RecipientState.REFUSED}
PROVES = {
    Proof.DELIVERED: MailState.SENT,
    Proof.REFUSED: MailState.FAILED,
    Proof.NOT_DELIVERED: MailState.WAITING,
}


@dataclass
class Modelled:
    """What the mail should be, by the words of the design. Times are the clock's."""

    mail_class: str
    due: float
    deadline: float
    state: MailState = MailState.WAITING
    fence: int = 0
    until: float = 0.0  # end of the lease, of the time at the dot, or of the wait for proof
    resend_from: float = 0.0
    doubted: bool = False  # nobody knows whether its recipient has it
    crashes: int = 0
    survived: int = 0  # of those, before an attempt that came to its end
    crashed_by: int | None = None  # the claim whose lease was over last
    resent: int = 0
    resent_by: int | None = None
    graced: tuple[int, int] = (0, 0)  # the claim, and how often it got more time
    settled: int = 0
    reached: bool = False  # somebody has it
    patience: float = field(init=False)

    def __post_init__(self) -> None:
        self.patience = self.deadline - self.due

    def go(self, to: MailState) -> None:
        assert to in EDGES[self.state], f"the model itself goes from {self.state} to {to}"
        self.state = to

    def wait(self, now: float, due: float) -> None:
        self.go(MailState.WAITING)
        self.due = min(due, max(self.deadline, now))

    def lose_reply(self, now: float, wait: float) -> None:
        self.go(MailState.UNKNOWN)
        self.doubted = not self.reached
        policy = CLASSES[self.mail_class]
        self.resend_from = now + (wait if policy.resend_after is None else policy.resend_after)
        if policy.delivery is Delivery.EVIDENCE_FIRST:
            self.until = now + policy.evidence_for
        else:
            self.fall_back(now, policy.delivery)

    def fall_back(self, now: float, policy: Delivery) -> None:
        if policy is Delivery.AT_LEAST_ONCE and self.resent < 1:
            self.resent += 1
            self.resent_by = self.fence
            self.wait(now, max(now, self.resend_from))
        else:
            self.go(MailState.PARKED)

    def get_time(self, till: float) -> None:
        """Three times for each claim."""
        fence, times = self.graced
        times = times if fence == self.fence else 0
        if self.until <= till and times < 3:
            self.graced, self.until = (self.fence, times + 1), till

    def believe(self, fence: int | None) -> None:
        """It was not unknown after all, nor had its worker ended."""
        if self.resent_by == fence:
            self.resent -= 1
        if self.crashed_by == fence:
            self.crashes -= 1
        self.resent_by = self.crashed_by = None

    def lose_worker(self, now: float) -> None:
        if self.state is MailState.AT_DOT:
            self.lose_reply(now, 0.0)
            return
        self.crashes += 1
        self.crashed_by = self.fence
        if self.crashes - self.survived >= MOST_CRASHES:
            self.go(MailState.QUARANTINED)
        else:
            self.wait(now, now)


class Ledger(RuleBasedStateMachine):
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(1_800_000_000.0)
        self.stack = ExitStack()
        self.server = self.stack.enter_context(fake_redis(self.clock))
        self.store = fake_store(takeover=TAKEOVER, classes=CLASSES)
        self.mails: dict[str, Modelled] = {}
        self.fences: dict[str, int] = {}
        self.swept: float | None = None

    def teardown(self) -> None:
        self.store.close()
        self.server.close()
        self.stack.close()

    @property
    def now(self) -> float:
        return self.clock.now

    @rule(
        mail_class=st.sampled_from(sorted(CLASSES)),
        send_in=st.sampled_from([None, 0, 15]),
        expires_in=st.sampled_from([None, 5, 30]),
    )
    def add(self, mail_class: str, send_in: int | None, expires_in: int | None) -> None:
        email = an_email(
            mail_class=mail_class,
            send_at=None if send_in is None else self.now + send_in,
            expires_at=None if expires_in is None else self.now + (send_in or 0) + expires_in,
        )
        self.store.add([email])
        due = self.now + (send_in or 0)
        deadline = due + (CLASSES[mail_class].deadline if expires_in is None else expires_in)
        self.mails[email.id] = Modelled(mail_class, due, deadline)

    @rule(target=claims, limit=st.integers(1, 3))
    def claim(self, limit: int) -> object:
        due = [(mail.due, mail_id) for mail_id, mail in self.mails.items() if mail.due <= self.now]
        first = [
            mail_id for _, mail_id in sorted(pair for pair in due if self.mails[pair[1]].state is MailState.WAITING)
        ][:limit]
        expected = []
        for mail_id in first:
            mail = self.mails[mail_id]
            if mail.deadline <= self.now:
                mail.go(MailState.EXPIRED)
                continue
            suspect = mail.crashes > mail.survived
            if suspect and expected:
                break  # what ended a worker is claimed alone
            mail.go(MailState.CLAIMED)
            mail.fence += 1
            mail.until = self.now + TAKEOVER.lease
            expected.append((mail_id, mail.fence))
            if suspect:
                break
        claims = self.store.claim("mail", "worker", limit) if first else []
        assert [(claim.mail_id, claim.fence) for claim in claims] == expected
        return multiple(*claims)

    @rule(claim=claims)
    def begin_dot(self, claim: Claim) -> None:
        mail = self.mails[claim.mail_id]
        if mail.fence != claim.fence or mail.state not in (MailState.CLAIMED, MailState.AT_DOT):
            with pytest.raises(FenceRejected):
                self.store.begin_dot([claim])
            return
        if mail.state is MailState.CLAIMED and mail.deadline <= self.now:
            with pytest.raises(FenceRejected):
                self.store.begin_dot([claim])
            mail.go(MailState.EXPIRED)
            return
        self.store.begin_dot([claim])
        if mail.state is MailState.CLAIMED:
            mail.go(MailState.AT_DOT)
        mail.until = self.now + TAKEOVER.at_dot  # each dot has its own time

    @rule(claim=claims, state=st.sampled_from(SETTLED_AS), due_in=st.sampled_from([0, 20, 10_000]))
    def settle(self, claim: Claim, state: str, due_in: int) -> None:
        self._settle(claim, MailState(state), due_in)

    @rule(claim=consumes(claims), state=st.sampled_from(SETTLED_AS))
    def settle_for_the_last_time(self, claim: Claim, state: str) -> None:
        self._settle(claim, MailState(state), 0)

    def _settle(self, claim: Claim, state: MailState, due_in: float) -> None:
        mail = self.mails[claim.mail_id]
        unknown = dict.fromkeys(claim.recipients, RecipientState.UNKNOWN)
        lost = state is MailState.UNKNOWN and not mail.reached
        settlement = Settlement(claim, state, due_in=due_in, recipients=unknown if lost else {})
        held = mail.state in (MailState.CLAIMED, MailState.AT_DOT)
        if mail.fence != claim.fence or (not held and mail.settled != claim.fence):
            with pytest.raises(FenceRejected):
                self.store.settle([settlement])
        elif mail.settled == claim.fence:
            self.store.settle([settlement])  # its answer was lost, and it is said again
        elif state not in EDGES[mail.state] or (
            (mail.state, state) == (MailState.CLAIMED, MailState.SENT) and not mail.reached
        ):
            with pytest.raises(StoreError, match="no edge"):
                self.store.settle([settlement])
        else:
            self.store.settle([settlement])
            mail.settled = claim.fence
            self._take(mail, state, due_in)

    @rule(claim=claims)
    def leg_over(self, claim: Claim) -> None:
        """Somebody has it, and others' turn comes."""
        mail = self.mails[claim.mail_id]
        done = dict.fromkeys(claim.recipients, RecipientState.ACCEPTED)
        settlement = Settlement(claim, MailState.CLAIMED, recipients=done)
        if mail.fence != claim.fence or mail.state not in (MailState.CLAIMED, MailState.AT_DOT):
            if mail.settled == claim.fence == mail.fence:
                self.store.settle([settlement])  # too late, and nothing changes
                return
            with pytest.raises(FenceRejected):
                self.store.settle([settlement])
            return
        self.store.settle([settlement])
        if mail.state is MailState.AT_DOT:
            mail.go(MailState.CLAIMED)
            mail.reached, mail.doubted, mail.until = True, False, self.now + TAKEOVER.lease

    def _take(self, mail: Modelled, state: MailState, due_in: float) -> None:
        if state is MailState.UNKNOWN:
            mail.lose_reply(self.now, TAKEOVER.at_dot)
        elif state is MailState.WAITING:
            mail.survived = mail.crashes
            mail.wait(self.now, self.now + due_in)
        else:
            mail.go(state)

    @rule(claim=claims, state=st.sampled_from(["sent", "waiting", "failed"]), due_in=st.sampled_from([0, 20]))
    def reply_told_late(self, claim: Claim, state: str, due_in: int) -> None:
        mail, to = self.mails[claim.mail_id], MailState(state)
        verdicts = dict.fromkeys(claim.recipients, SAID[state])
        evidence = replace(evidence_of(Settlement(claim, to, recipients=verdicts)), due_at=self.now + due_in)
        verdict = self.store.take_evidence(evidence)
        assert verdict is self._expected(mail, claim.fence, to)
        if verdict is Verdict.SETTLED:
            mail.settled, mail.state, mail.doubted = max(claim.fence, mail.settled), to, False
            if to is MailState.WAITING:
                mail.believe(claim.fence)
                mail.due = min(self.now + due_in, max(mail.deadline, self.now))

    @rule(claim=claims)
    def accepted_before_a_restore(self, claim: Claim) -> None:
        """Its fence tells nothing of the claims of this data."""
        mail = self.mails[claim.mail_id]
        verdicts = dict.fromkeys(claim.recipients, RecipientState.ACCEPTED)
        evidence = evidence_of(Settlement(claim, MailState.SENT, recipients=verdicts))
        verdict = self.store.take_evidence(evidence, before_restore=True)
        if mail.state in ENDED - DEAD or mail.reached:
            assert verdict is Verdict.KNOWN
        elif mail.state is MailState.AT_DOT:
            assert verdict is Verdict.LATER
        else:
            assert verdict is Verdict.SETTLED
            mail.state, mail.doubted = MailState.SENT, False

    @staticmethod
    def _expected(mail: Modelled, fence: int, to: MailState) -> Verdict:
        if mail.settled == fence or mail.state in ENDED - DEAD:
            return Verdict.KNOWN
        if mail.fence > fence and to is not MailState.SENT:
            return Verdict.OVERTAKEN
        if mail.fence > fence and mail.state is MailState.AT_DOT:
            return Verdict.LATER
        return Verdict.SETTLED if to in EDGES[mail.state] | EVIDENCE.get(mail.state, set()) else Verdict.OVERTAKEN

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if not self.mails:
            return
        mail_id = data.draw(st.sampled_from(sorted(self.mails)))
        if self.mails[mail_id].state is MailState.WAITING:
            self.mails[mail_id].go(MailState.CANCELLED)
        assert self.store.cancel(mail_id) is self.mails[mail_id].state

    @rule(data=st.data(), state=st.sampled_from(["sent", "waiting", "discarded"]))
    def resolve(self, data: st.DataObject, state: str) -> None:
        decided = sorted(mail_id for mail_id, mail in self.mails.items() if mail.state in FOR_PEOPLE)
        if not decided:
            return
        mail_id, to = data.draw(st.sampled_from(decided)), MailState(state)
        mail = self.mails[mail_id]
        if to not in EDGES[mail.state]:
            with pytest.raises(StoreError, match="nobody can"):
                self.store.resolve(mail_id, to)
            return
        assert self.store.resolve(mail_id, to) is to
        mail.go(to)
        mail.doubted = mail.doubted and to is MailState.DISCARDED
        if to is MailState.WAITING:
            mail.due, mail.deadline = self.now, self.now + mail.patience
            mail.crashes = mail.survived = mail.resent = 0
            mail.resent_by = mail.crashed_by = None

    @rule(data=st.data(), proof=st.sampled_from(list(Proof)))
    def prove(self, data: st.DataObject, proof: Proof) -> None:
        if not self.mails:
            return
        mail_id = data.draw(st.sampled_from(sorted(self.mails)))
        self._prove(mail_id, proof, None)

    @rule(claim=claims, proof=st.sampled_from(list(Proof)))
    def prove_what_a_claim_was_asked_for(self, claim: Claim, proof: Proof) -> None:
        self._prove(claim.mail_id, proof, claim.fence)

    def _prove(self, mail_id: str, proof: Proof, fence: int | None) -> None:
        mail, fit = self.mails[mail_id], (MailState.UNKNOWN, MailState.PARKED, MailState.WAITING)
        arrived = proof is Proof.DELIVERED
        found = self.store.proofs.take("mail", mail_id, {"zoe@example.com": proof}, "the log says so", fence=fence)
        if mail.state in ENDED - DEAD:
            assert found.verdict is Verdict.KNOWN
        elif not mail.doubted:
            assert found.verdict in (Verdict.KNOWN, Verdict.OVERTAKEN)
        elif fence not in (None, mail.fence) or not (mail.state in fit or (mail.state in DEAD and arrived)):
            assert found.verdict is Verdict.OVERTAKEN
        else:
            assert found.verdict is Verdict.SETTLED
            mail.state, mail.doubted = PROVES[proof], False
            if proof is Proof.NOT_DELIVERED:
                if mail.resent_by == mail.fence:
                    mail.resent, mail.resent_by = mail.resent - 1, None
                mail.due = self.now
        assert found.state is mail.state

    @rule(seconds=st.sampled_from([1, 10, 40, 600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule(broker_idle=st.booleans())
    def sweep(self, broker_idle: bool) -> None:
        away = self.swept is not None and self.now - self.swept > TAKEOVER.grace
        self.swept = self.now
        for mail in self.mails.values():
            if away and mail.state in (MailState.AT_DOT, MailState.UNKNOWN):
                mail.get_time(self.now + TAKEOVER.grace * (1 if mail.state is MailState.AT_DOT else 3))
            if mail.state in (MailState.CLAIMED, MailState.AT_DOT) and mail.until <= self.now:
                mail.lose_worker(self.now)
            if mail.state is MailState.UNKNOWN and mail.until <= self.now:
                mail.fall_back(self.now, CLASSES[mail.mail_class].then)
            if mail.state is MailState.WAITING and max(mail.due, mail.deadline) <= self.now:
                mail.go(MailState.EXPIRED)
        swept = self.store.sweep("mail", broker_idle=broker_idle)
        assert swept.due == sum(
            mail.state is MailState.WAITING and mail.due <= self.now for mail in self.mails.values()
        )

    @invariant()
    def every_mail_stands_where_the_model_says(self) -> None:
        for mail_id, mail in self.mails.items():
            status = self.store.status(mail_id)
            assert status is not None
            assert (mail_id, status.state, status.crashes) == (mail_id, mail.state, mail.crashes)

    @invariant()
    def no_fence_ever_shrinks(self) -> None:
        for mail_id, mail in self.mails.items():
            if self.server.exists(f"notifier:{{mail}}:ended:{mail_id}"):
                continue  # nobody claims it again
            fence = int(self.server.hget(f"notifier:{{mail}}:mail:{mail_id}", "fence") or 0)
            assert fence == mail.fence >= self.fences.get(mail_id, 0)
            self.fences[mail_id] = fence

    @invariant()
    def a_mail_stands_in_the_index_of_its_state_and_in_no_other(self) -> None:
        counts = self.store.counts("mail")
        for state in MailState:
            assert counts[state] == sum(mail.state is state for mail in self.mails.values()), state

    @invariant()
    def no_more_bells_are_out_than_one_slot_needs(self) -> None:
        assert self.server.zcard("notifier:{mail}:rung") <= 1


TestTheLedgerMovesOnlyAlongItsEdges = Ledger.TestCase
TestTheLedgerMovesOnlyAlongItsEdges.settings = driven(60, steps=40)
