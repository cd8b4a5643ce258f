from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
from fake_ledger import fake_redis, fake_store
from store_conformance import an_email, at_dot, state_of

from notifier.delivery.late import evidence_of, tell_late
from notifier.errors import StoreError, StoreUnavailable
from notifier.model.events import MailSettled
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.store import RedisStore, SettlementJournal
from notifier.store.base import Claim, Settlement


@pytest.fixture
def store() -> Iterator[RedisStore]:
    with fake_redis() as client:
        made = fake_store()
        yield made
        made.close()
        client.close()


@pytest.fixture
def journal(tmp_path: Path) -> SettlementJournal:
    return SettlementJournal(tmp_path / "journal")


def sent(claim: Claim) -> Settlement:
    return Settlement(claim, MailState.SENT, recipients=dict.fromkeys(claim.recipients, RecipientState.ACCEPTED))


def waiting_in(journal: SettlementJournal, epoch: str) -> int:
    return len(list(journal.entries(epoch)))


def test_the_ledger_hears_it_once_and_the_journal_forgets_it(store: RedisStore, journal: SettlementJournal) -> None:
    claim, events = at_dot(store, an_email()), []
    journal.keep(evidence_of(sent(claim)))
    tell_late(journal, store, store.epoch(), events.append)
    tell_late(journal, store, store.epoch(), events.append)
    assert state_of(store, claim.mail_id) is MailState.SENT
    assert waiting_in(journal, store.epoch()) == 0
    (event,) = events
    assert isinstance(event, MailSettled)
    assert (event.mail_id, event.state, event.attempt) == (claim.mail_id, MailState.SENT, 1)


def test_a_ledger_that_is_away_again_leaves_the_journal_as_it_is(store: RedisStore, journal: SettlementJournal) -> None:
    journal.keep(evidence_of(sent(at_dot(store, an_email()))))
    with mock.patch.object(store, "take_evidence", side_effect=StoreUnavailable("away")), pytest.raises(StoreError):
        tell_late(journal, store, store.epoch(), lambda event: None)
    assert waiting_in(journal, store.epoch()) == 1


def test_an_entry_that_the_ledger_chokes_on_does_not_hold_up_the_others(
    store: RedisStore, journal: SettlementJournal
) -> None:
    bad, good = at_dot(store, an_email(created_at=1.0)), at_dot(store, an_email(created_at=2.0))
    journal.keep(evidence_of(sent(bad)))
    journal.keep(evidence_of(sent(good)))
    take = store.take_evidence

    def chokes(evidence: SimpleNamespace) -> object:
        if evidence.mail_id == bad.mail_id:
            raise StoreError("cannot be")
        return take(evidence)

    with mock.patch.object(store, "take_evidence", chokes):
        tell_late(journal, store, store.epoch(), lambda event: None)
    assert state_of(store, good.mail_id) is MailState.SENT
    assert waiting_in(journal, store.epoch()) == 0
    assert len(list(journal.folder.rglob("*.unreadable"))) == 1


def test_another_ledger_never_hears_it(
    store: RedisStore, journal: SettlementJournal, caplog: pytest.LogCaptureFixture
) -> None:
    claim = at_dot(store, an_email())
    journal.keep(evidence_of(sent(claim)))
    tell_late(journal, store, "f" * 32, lambda event: None)
    assert state_of(store, claim.mail_id) is MailState.AT_DOT
    assert "the store was wiped, restored or exchanged" in caplog.text
    assert waiting_in(journal, claim.epoch) == 1


def restored(store: RedisStore) -> str:
    """The ledger is older than what was seen of it; its new mark."""
    seen, _ = store.look(None)
    now, change = store.look(replace(seen, pulse=seen.pulse + 10))
    assert change is not None
    assert change.why == "restored"
    return now.mark


def test_a_ledger_that_was_restored_hears_what_was_accepted_before(
    store: RedisStore, journal: SettlementJournal
) -> None:
    """Another host's worker has seen the restore first."""
    accepted, refused, gone = (at_dot(store, an_email(created_at=float(number))) for number in (1, 2, 3))
    journal.keep(evidence_of(sent(accepted)))
    journal.keep(evidence_of(replace(sent(refused), state=MailState.FAILED, recipients={})))
    journal.keep(replace(evidence_of(sent(gone)), mail_id="handed over again soon"))
    store.settle([Settlement(claim, MailState.WAITING) for claim in (accepted, refused)])  # as the older data has them
    restored(store)
    mark, events = restored(store), []
    tell_late(journal, store, mark, events.append)
    assert [event.mail_id for event in events] == [accepted.mail_id]
    assert [state_of(store, one.mail_id) for one in (accepted, refused)] == [MailState.SENT, MailState.WAITING]
    left = [evidence.mail_id for _, evidence in journal.entries(accepted.epoch)]
    assert left == [refused.mail_id, "handed over again soon"]


def test_no_context_and_no_message_lie_on_the_disk(store: RedisStore, journal: SettlementJournal) -> None:
    journal.keep(evidence_of(sent(at_dot(store, an_email()))))
    (file,) = journal.folder.rglob("*.settlement")
    assert b"the-secret-link" not in file.read_bytes()


def test_whose_claim_it_was_is_known_and_an_earlier_release_can_read_the_entry(
    store: RedisStore, journal: SettlementJournal
) -> None:
    claim = replace(at_dot(store, an_email()), owner="host.example:7:ab cd/../ef")
    journal.keep(evidence_of(sent(claim)))
    ((path, evidence),) = journal.entries(claim.epoch)
    assert evidence.owner == claim.owner
    assert b"owner" not in path.read_bytes(), "it knows no such field"
    path.rename(path.with_name("000000000000001-0123456789abcdef01234567-1.settlement"))  # as it names them
    ((_, evidence),) = journal.entries(claim.epoch)
    assert evidence.owner == ""
