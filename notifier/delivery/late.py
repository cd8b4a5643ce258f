"""Settlements that come late (rule r6): a final reply was read, and the ledger was away.

The worker keeps what the reply said in the host's journal; whoever sweeps next on this host tells it to the ledger, before
the sweep can call the outcome unknown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

from notifier.delivery.epochs import marks_before_restores
from notifier.errors import StoreError, StoreUnavailable
from notifier.model.events import Listener, MailSettled
from notifier.model.outcome import RecipientState
from notifier.model.spent import Spent
from notifier.store.base import Settlement, Store
from notifier.store.evidence import Evidence, Verdict
from notifier.store.journal import SettlementJournal

log = logging.getLogger(__name__)

PORTION = 200  # entries told at once; a sweep's timer has other work too

_WORDS = {
    Verdict.KNOWN: "the ledger had it already",
    Verdict.PARTLY: "whom it was accepted for is noted, and others are still to be mailed",
    Verdict.OVERTAKEN: "a later claim of the mail knows better, so it is dropped",
    Verdict.GONE: "the ledger has no such mail any more, so it is dropped",
}


def evidence_of(one: Settlement) -> Evidence:
    """What ``one`` would have said, its due time made absolute."""
    claim = one.claim
    return Evidence(
        mail_id=claim.mail_id,
        queue=claim.email.queue,
        fence=claim.fence,
        epoch=claim.epoch,
        owner=claim.owner,
        state=one.state,
        recipients=dict(one.recipients),
        spent=one.spent,
        attempt=claim.attempt + (one.spent is Spent.ATTEMPT),
        created_at=claim.email.created_at,
        due_at=time.time() + one.due_in,
        fault=one.fault,
        reply=one.reply,
        relay=one.relay,
    )


def tell_late(journal: SettlementJournal, store: Store, epoch: str, listener: Listener) -> None:
    """Tell the ledger what the journal holds for it. Raises `StoreUnavailable`; what was not told stays."""
    for path, evidence in islice(journal.entries(epoch), PORTION):
        verdict = _told(journal, path, partial(store.take_evidence, evidence))
        if verdict is not None and verdict is not Verdict.LATER:
            journal.forget(path)
            _say(evidence, verdict, listener)
    if others := journal.of_others(epoch):
        for mark in others.keys() & set(marks_before_restores(store.epoch_changes(), epoch)):
            _tell_who_accepted(journal, store, mark, listener)
        journal.tell_of_others(epoch)


def _tell_who_accepted(journal: SettlementJournal, store: Store, mark: str, listener: Listener) -> None:
    """A restored ledger would send again what was accepted before. A mail that it does not know may be handed over to it once
    more, by an outbox.
    """
    for path, evidence in journal.some_of(mark, PORTION):
        if RecipientState.ACCEPTED not in evidence.recipients.values():
            continue
        verdict = _told(journal, path, partial(store.take_evidence, evidence, before_restore=True))
        if verdict is not None and verdict not in (Verdict.LATER, Verdict.GONE):
            journal.forget(path)
            _say(evidence, verdict, listener)


def _told(journal: SettlementJournal, path: Path, take: Callable[[], Verdict]) -> Verdict | None:
    try:
        return take()
    except StoreUnavailable:
        raise
    except StoreError as error:
        journal.put_aside(path, error)
        return None


def _say(evidence: Evidence, verdict: Verdict, listener: Listener) -> None:
    if verdict is Verdict.SETTLED:
        listener(_event(evidence))
    else:
        log.warning(
            "mail %s was %s under fence %d: %s", evidence.mail_id, evidence.state, evidence.fence, _WORDS[verdict]
        )


def _event(evidence: Evidence) -> MailSettled:
    return MailSettled(
        mail_id=evidence.mail_id,
        queue=evidence.queue,
        state=evidence.state,
        attempt=evidence.attempt,
        seconds=time.time() - evidence.created_at,
        relay=evidence.relay,
        reply=evidence.reply,
        fault=evidence.fault,
    )
