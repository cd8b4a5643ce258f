"""Brings mails to where a failpoint waits for them: by the application's calls, or as a worker that has died since.

A staged mail is no invention of the ledger: what is called accepted was really handed to the relay.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nemesis.patience import until
from nemesis.relay import Answer
from notifier import send_email
from notifier.delivery.intake import Options
from notifier.delivery.late import evidence_of
from notifier.delivery.settling import handed_back, open_recipients
from notifier.model.outcome import RecipientState
from notifier.model.pause import Pause
from notifier.model.state import MailState
from notifier.smtp import Session
from notifier.store.base import Claim, Settlement
from notifier.tasks.runtime import runtime

FAR = 600.0  # seconds; nothing of the run lasts so long
SHORT = 1.0  # seconds until a mail expires
# Queues: served; served and mostly empty, for what a dead worker leaves; swept, but paused.
SERVED, LEFT, HALTED = "mail", "left", "halted"
DEAD_WORKER = "a worker that has died"
LOOKS = 2
MOST = 1000  # mails that are due in a queue at once


class Missed(Exception):
    """A living worker was quicker than the dead one; try again with other mails."""


@dataclass
class Stage:
    """``requested``: the ids that the application got back, and the queue of each. ``late``: a queue that nobody serves
    until the end.
    """

    requested: dict[str, str] = field(default_factory=dict)
    late: str = "late"

    def next_round(self) -> None:
        """Nothing of the round before is in its late queue."""
        self.late = f"late.{len(self.requested)}"

    # as the application

    def send(
        self,
        ids: Iterable[str],
        answer: Answer = Answer.FINE,
        domains: Sequence[str] = ("example.com",),
        mail_class: str = "transactional",
        queue: str = SERVED,
        **options: Any,
    ) -> None:
        """One call a mail."""
        for mail in ids:
            call = {**call_of(mail, answer, domains), "mail_class": mail_class}
            self.requested[send_email.apply_async(kwargs=call, task_id=mail, queue=queue, **options).id] = queue

    # as a worker that has died

    def claimed(
        self,
        ids: Sequence[str],
        queue: str | None = None,
        domains: Sequence[str] = ("example.com",),
        mail_class: str = "transactional",
    ) -> list[Claim]:
        """Mails in `CLAIMED`. Raises `Missed`."""
        mine, queue = runtime(), queue or self.late
        calls = [{**call_of(mail, Answer.FINE, domains), "mail_class": mail_class} for mail in ids]
        emails = [
            mine.intake.accept(**call, options=Options(mail_id=mail, queue=queue)).email
            for mail, call in zip(ids, calls, strict=True)
        ]
        mine.store.add(emails)  # and nobody rings
        self.requested.update(dict.fromkeys(ids, queue))
        return self._claim(ids, queue)

    @staticmethod
    def _claim(ids: Sequence[str], queue: str) -> list[Claim]:
        """These; whatever else is due goes back."""
        store = runtime().store
        claims = store.claim(queue, DEAD_WORKER, MOST)
        ours = [claim for claim in claims if claim.mail_id in ids]
        whole = len(ours) == len(ids)
        store.settle([handed_back(claim) for claim in claims if not (whole and claim in ours)])
        if not whole:
            raise Missed
        return ours

    def at_dot(self, ids: Sequence[str], queue: str | None = None, *, arrived: bool, **more: Any) -> list[Claim]:
        """Mails in `AT_DOT`. ``arrived``: the relay has accepted them."""
        claims = self.claimed(ids, queue, **more)
        runtime().store.begin_dot(claims)
        if arrived:
            hand_over([(claim, open_recipients(claim)) for claim in claims])
        return claims

    def unknown(self, ids: Sequence[str], *, arrived: bool, mail_class: str) -> list[Claim]:
        """Mails whose final reply nobody has read: `WAITING` for their resend, or `PARKED`, as their class says."""
        claims = self.at_dot(ids, arrived=arrived, mail_class=mail_class)
        store = runtime().store
        index = store._keys.index(self.late, MailState.AT_DOT)
        store._connection.ask(*(("ZADD", index, 0, mail) for mail in ids))  # their time is over
        store.sweep(self.late)
        return claims

    def dead(self, ids: Sequence[str], state: MailState) -> None:
        """Dead letters that were never handed over."""
        settle(self.claimed(ids), state, RecipientState.REFUSED)

    def dead_after_unknown(self, ids: Sequence[str], state: MailState) -> list[Claim]:
        """The relay had accepted them, nobody knew it, and the resend ended like this. Returns the first claims."""
        first = self.unknown(ids, arrived=True, mail_class="transactional")
        for mail in ids:
            runtime().store.reschedule(mail, time.time())
        settle(self._claim(ids, self.late), state, RecipientState.REFUSED)
        return first

    def about_to_expire(self, ids: Sequence[str]) -> None:
        """Their queue is paused, so that the sweeper finds them first."""
        runtime().store.pause(Pause("queue", HALTED), "for the sweeper alone")
        self.send(ids, queue=HALTED, expires=SHORT)

    def one_of_two_has_it(self, ids: Sequence[str]) -> None:
        """The other was deferred, and is on the suppression list now."""
        claims = self.claimed(ids, LEFT, domains=("example.com", "example.net"))
        runtime().store.begin_dot(claims)
        hand_over([(claim, open_recipients(claim)[:1]) for claim in claims])
        for claim in claims:
            has, waits = open_recipients(claim)
            runtime().store.suppress(waits, "the nemesis wants it so")
            states = {has: RecipientState.ACCEPTED, waits: RecipientState.DEFERRED}
            runtime().store.settle([Settlement(claim, MailState.WAITING, recipients=states)])

    def crashed_twice(self, ids: Sequence[str]) -> None:
        """Claimed for the third time, and the worker dies again."""
        claims = self.claimed(ids, LEFT)
        store = runtime().store
        store._connection.ask(*(("HSET", store._keys.mail(LEFT, one.mail_id), "crashes", 2) for one in claims))


def call_of(mail: str, answer: Answer, domains: Sequence[str] = ("example.com",)) -> dict[str, Any]:
    """The arguments of ``send_email`` for a mail whose relay answers like this."""
    paths = [f"{answer}-{mail}@{domain}" for domain in domains]
    return {"template": "welcome", "to": paths, "context": {"name": "Zoë"}}


def settle(claims: Iterable[Claim], state: MailState, recipients: RecipientState) -> None:
    """Take the edge for each."""
    runtime().store.settle([settlement(claim, state, recipients) for claim in claims])


def settlement(claim: Claim, state: MailState, recipients: RecipientState) -> Settlement:
    """Of all that are still to be mailed."""
    return Settlement(claim, state, recipients=dict.fromkeys(open_recipients(claim), recipients))


def leave_evidence(claims: Iterable[Claim], state: MailState) -> None:
    """In the host's journal, as a worker does that has read the reply while the ledger was away."""
    verdict = RecipientState.ACCEPTED if state is MailState.SENT else RecipientState.REFUSED
    for claim in claims:
        runtime().journal.keep(evidence_of(settlement(claim, state, verdict)))


def hand_over(whom: Sequence[tuple[Claim, tuple[str, ...]]]) -> None:
    """To the relay, for these recipients."""
    mine = runtime()
    (endpoint,) = mine.settings.endpoints
    mails = [mine.composer.compose(claim.email, paths) for claim, paths in whom]
    with Session.open(endpoint) as session:
        for outcome in session.send_many(mails):
            assert not outcome.faults, outcome.faults


def restore_an_older_ledger() -> None:
    """As far as a worker can see: the same mark, and a pulse that has gone back."""
    store = runtime().store
    key = f"{store._keys.epoch}pulse"

    def pulse() -> int:
        (value,) = store._connection.ask(("GET", key))
        return int(value or 0)

    before = pulse()
    until(lambda: pulse() >= before + LOOKS, "a worker that lives has looked at the ledger")
    store._connection.ask(("DECRBY", key, 1000))
