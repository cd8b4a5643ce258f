from __future__ import annotations

import pytest

from notifier.delivery.addresses import wrong_addresses
from notifier.delivery.settling import settlement_of_suppressed
from notifier.errors import ErrorClass, Fault, Phase, Scope
from notifier.model.address import Address
from notifier.model.email import Email
from notifier.model.outcome import Outcome, RecipientOutcome, RecipientState
from notifier.model.state import MailState
from notifier.store.base import Claim

ANN, BOB = "ann@one.example", "bob@two.example"


def refusal(row: str, enhanced: str | None, state: RecipientState = RecipientState.REFUSED) -> Outcome:
    fault = Fault(row, ErrorClass.PERMANENT, Scope.RECIPIENT, Phase.RCPT, "no", 550, enhanced)
    return Outcome(0, {ANN: RecipientOutcome(state, fault), BOB: RecipientOutcome(RecipientState.ACCEPTED)})


@pytest.mark.parametrize("enhanced", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"])
def test_an_address_that_a_server_says_is_wrong_is_wrong(enhanced: str) -> None:
    assert list(wrong_addresses(refusal("R7", enhanced))) == [ANN]


@pytest.mark.parametrize("row", ["D2", "D4"])
def test_a_domain_that_takes_no_mail_makes_the_address_wrong(row: str) -> None:
    assert list(wrong_addresses(refusal(row, "5.1.2"))) == [ANN]


@pytest.mark.parametrize(
    ("row", "enhanced"),
    [
        ("R7", None),
        ("R7", "5.1.7"),
        ("R7", "5.1.8"),
        ("R7", "5.2.1"),
        ("R7", "5.1.100"),
        ("R9", "5.7.1"),
        ("R6", "5.2.2"),
    ],
)
def test_a_refusal_about_anything_else_is_no_reason(row: str, enhanced: str | None) -> None:
    assert wrong_addresses(refusal(row, enhanced)) == {}


def test_who_waits_is_not_refused() -> None:
    assert wrong_addresses(refusal("R7", "5.1.1", RecipientState.DEFERRED)) == {}


def claim(**states: RecipientState) -> Claim:
    email = Email("id", "welcome", (Address.parse(ANN), Address.parse(BOB)), {}, "key", 0.0)
    return Claim(email, 1, {ANN: states["ann"], BOB: states["bob"]}, 0, 0, 0, 3600.0)


def test_a_mail_of_which_nobody_may_have_a_copy_has_failed() -> None:
    found = settlement_of_suppressed(claim(ann=RecipientState.SUPPRESSED, bob=RecipientState.REFUSED))
    assert (found.state, found.fault.taxonomy_id if found.fault else "") == (MailState.FAILED, "SUP")


def test_a_mail_that_somebody_has_accepted_is_sent_though_the_rest_is_suppressed() -> None:
    found = settlement_of_suppressed(claim(ann=RecipientState.ACCEPTED, bob=RecipientState.SUPPRESSED))
    assert (found.state, found.fault, found.recipients) == (MailState.SENT, None, {BOB: RecipientState.SUPPRESSED})
