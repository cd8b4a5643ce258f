from __future__ import annotations

import pytest
from delivery_reports import HEADERS_ONLY, MAIL_ID, POSTFIX, WHOLE, recipient, report

from notifier.mime.reports import read_report
from notifier.model.proof import Proof


@pytest.mark.parametrize(
    ("action", "proof"),
    [
        ("failed", Proof.REFUSED),
        ("Failed ", Proof.REFUSED),
        ("delayed", Proof.DELIVERED),
        ("delivered", Proof.DELIVERED),
        ("relayed", Proof.DELIVERED),
        ("expanded", Proof.DELIVERED),
    ],
)
def test_the_action_says_what_became_of_a_recipient(action: str, proof: Proof) -> None:
    found = read_report(report(recipient(action)))
    assert (found.mail_id, found.recipients) == (MAIL_ID, {"zoe@example.com": proof})


@pytest.mark.parametrize("returned", [HEADERS_ONLY, WHOLE])
def test_a_relay_that_has_not_kept_the_envid_names_the_mail_by_its_message_id(returned: str) -> None:
    assert read_report(report(recipient("failed"), envelope_id="", returned=returned)).mail_id == MAIL_ID


def test_each_recipient_has_its_own() -> None:
    found = read_report(report(recipient("failed"), recipient("delivered", "Bob@Example.org", "")))
    assert found.recipients == {"zoe@example.com": Proof.REFUSED, "bob@example.org": Proof.DELIVERED}


def test_an_action_that_nobody_knows_proves_nothing() -> None:
    assert read_report(report(recipient("pondered"))).recipients == {}


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "no delivery status notification"),
        (b"Subject: I am away\r\n\r\nUntil Monday.\r\n", "no delivery status notification"),
        (b"Content-Type: message/delivery-status\r\n\r\n", "no mail of Notifier"),
        (
            report(recipient("failed"), envelope_id="", returned="Content-Type: text/plain\n\nHello\n"),
            "no mail of Notifier",
        ),
        (b"\xff\x00" * 500, "no delivery status notification"),
    ],
)
def test_what_is_no_report_about_a_mail_of_ours_says_so(octets: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_report(octets)


def test_the_report_about_a_report_is_not_about_us() -> None:
    """Its own Message-ID is the relay's, whatever that looks like."""
    own = POSTFIX.replace("20261125193445.5E6F7A", MAIL_ID)
    text = own.format(envelope_id="", recipients=recipient("failed"), returned="Content-Type: text/plain\n\nHello\n")
    with pytest.raises(ValueError, match="no mail of Notifier"):
        read_report(text.encode())
