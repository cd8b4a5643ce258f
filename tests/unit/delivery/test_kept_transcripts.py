"""What was said to the relay is kept where it tells why a mail did not get through, and no more of it than a person reads."""

from __future__ import annotations

import pytest
from store_conformance import LOST_REPLY, an_email

from notifier.delivery.settling import KEPT_LINES, settlement_after_outcome
from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome
from notifier.retry import Ask, Decision, Done, GiveUp, Retry
from notifier.store.base import Claim, Settlement

SAID = tuple(f"S: 250 line {number}" for number in range(KEPT_LINES + 5))


def settled(decision: Decision) -> Settlement:
    email = an_email()
    outcome = Outcome.for_all(0, ["zoe@example.com"], LOST_REPLY, terminator_sent=True)._replace(transcript=SAID)
    mail = MailObject(Envelope("shop@example.com", ("zoe@example.com",)), b"")
    return settlement_after_outcome(Claim(email, 1, {}, 0, 0, 0, 60.0), mail, outcome, decision)


@pytest.mark.parametrize("decision", [Retry(1.0), GiveUp(), Ask()])
def test_the_last_lines_are_kept_of_what_did_not_get_through(decision: Decision) -> None:
    assert settled(decision).transcript == SAID[-KEPT_LINES:]


def test_nothing_is_kept_of_what_was_sent() -> None:
    assert settled(Done()).transcript == ()
