"""The checker of the chaos run sees what it is there to see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nemesis.checker import Account, copies_in, judge, judge_without_ledger, resends_of

from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.store.base import MailStatus

ZOE = "zoe@example.com"
ONCE = {"m": {ZOE: 1}}


def mail(
    state: MailState = MailState.SENT, *history: str, zoe: str = "accepted", unknowns: int = 0, crashes: int = 0
) -> MailStatus:
    return MailStatus(
        mail_id="m",
        state=state,
        queue="mail",
        template="welcome",
        mail_class="transactional",
        recipients={ZOE: RecipientState(zoe)},
        created_at=0.0,
        due_at=None,
        attempt=1,
        crashes=crashes,
        unknowns=unknowns,
        setbacks=0,
        history=tuple({"state": state} for state in history),
    )


def test_a_mail_that_was_sent_once_is_neither_lost_nor_doubled() -> None:
    assert judge(["m"], {"m": mail()}, ONCE) == Account(accepted=1, delivered=1)


def test_a_mail_that_the_ledger_calls_sent_and_the_relay_never_saw_is_lost() -> None:
    found = judge(["m"], {"m": mail()}, {})
    assert (found.lost, found.delivered) == (1, 0)
    assert "the relay does not" in found.why[0]


def test_a_mail_that_the_ledger_does_not_know_is_lost() -> None:
    assert judge(["m"], {}, {}).lost == 1


@pytest.mark.parametrize("state", ["waiting", "claimed", "at_dot", "unknown"])
def test_a_mail_that_never_comes_to_rest_is_lost(state: str) -> None:
    assert judge(["m"], {"m": mail(MailState(state), zoe="pending")}, {}).lost == 1


@pytest.mark.parametrize("state", ["failed", "expired", "quarantined", "parked", "cancelled", "discarded"])
def test_a_mail_that_rests_where_nothing_calls_for_it_is_lost_and_where_it_is_meant_to_it_is_not(state: str) -> None:
    ledger = {"m": mail(MailState(state), zoe="pending")}
    assert judge(["m"], ledger, {}).lost == 1
    assert judge(["m"], ledger, {}, {"m": {MailState(state)}}).lost == 0


def test_a_mail_that_was_unknown_may_be_parked_and_one_with_three_crashes_quarantined() -> None:
    assert judge(["m"], {"m": mail(MailState.PARKED, zoe="unknown", unknowns=1)}, {}) == Account(1, 0, 0, 0, 1, 0, 1, 0)
    assert judge(["m"], {"m": mail(MailState.QUARANTINED, zoe="pending", crashes=3)}, {}).lost == 0


def test_one_recipient_of_two_who_is_missing_makes_it_lost() -> None:
    both = {**mail().recipients, "max@example.com": RecipientState.ACCEPTED}
    found = MailStatus(**{**{name: getattr(mail(), name) for name in MailStatus.__slots__}, "recipients": both})
    assert judge(["m"], {"m": found}, ONCE).lost == 1


def test_a_second_copy_that_the_ledger_knows_nothing_of_is_doubled() -> None:
    found = judge(["m"], {"m": mail(MailState.SENT, "sent")}, {"m": {ZOE: 2}})
    assert (found.doubled, found.lost) == (1, 0)
    assert "accepted 2 times" in found.why[0]


def test_a_second_copy_after_a_counted_resend_is_in_the_window_and_a_third_is_not() -> None:
    resent = mail(MailState.SENT, "unknown", "waiting", "sent", unknowns=1)
    assert judge(["m"], {"m": resent}, {"m": {ZOE: 2}}) == Account(1, 1, 0, 0, 1, 1, 0, 0)
    assert judge(["m"], {"m": resent}, {"m": {ZOE: 3}}).doubled == 1


def test_a_second_copy_of_a_mail_that_was_deferred_or_parked_is_doubled() -> None:
    deferred = mail(MailState.SENT, "waiting", "sent")
    parked = mail(MailState.PARKED, "unknown", "parked", zoe="unknown", unknowns=1)
    assert judge(["m"], {"m": deferred}, {"m": {ZOE: 2}}).doubled == 1
    assert judge(["m"], {"m": parked}, {"m": {ZOE: 2}}).doubled == 1


def test_a_doubled_mail_is_seen_in_a_mail_that_is_lost_for_the_ledger_too() -> None:
    found = judge(["m"], {}, {"m": {ZOE: 2}})
    assert (found.lost, found.doubled) == (1, 1)


def test_what_a_person_sends_again_is_a_resend() -> None:
    assert resends_of(mail(MailState.SENT, "unknown", "parked", "waiting", "sent")) == 1


def test_mails_that_nobody_got_an_id_of_are_not_asked_for() -> None:
    assert judge([], {}, ONCE) == Account()


def test_without_a_ledger_what_never_came_is_lost_and_what_came_twice_is_doubled() -> None:
    found = judge_without_ledger(["m", "n", "o"], {"m": {ZOE: 2}, "n": {ZOE: 1}})
    assert (found.accepted, found.delivered, found.lost, found.doubled) == (3, 2, 1, 1)


def test_accounts_add_up_with_their_reasons() -> None:
    one = judge(["m"], {}, {})
    both = one + one
    assert (both.accepted, both.lost, len(both.why)) == (2, 2, 2)


def test_the_journal_is_read_by_message_id_and_recipient(tmp_path: Path) -> None:
    lines = [{"message_id": "<m@example.com>", "recipients": [ZOE]}] * 2
    lines.append({"message_id": "<m@example.com>", "recipients": ["max@example.com"]})
    journal = tmp_path / "accepted.jsonl"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert copies_in(journal) == {"m": {ZOE: 2, "max@example.com": 1}}
