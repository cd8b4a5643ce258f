"""The outbox of a test: a list that mails come into."""

from __future__ import annotations

import pytest

from notifier.testing.mailbox import Mailbox
from notifier.testing.outbox import Outbox


@pytest.fixture
def outbox() -> Outbox:
    mailbox = Mailbox()
    for name in ("a", "b"):
        mailbox.add(
            reverse_path="x@example.com",
            recipients=(f"{name}@example.com", "all@example.com"),
            data=f"Subject: {name}\r\n\r\n".encode(),
            helo="x",
            tls=None,
            smtputf8=False,
        )
    return Outbox(mailbox)


def test_it_is_a_sequence_of_mails(outbox: Outbox) -> None:
    assert (len(outbox), outbox[0].subject, outbox[-1].subject) == (2, "a", "b")
    assert [mail.subject for mail in outbox[1:]] == ["b"]


def test_mails_are_found_by_their_recipient(outbox: Outbox) -> None:
    assert [mail.subject for mail in outbox.to("b@example.com")] == ["b"]
    assert len(outbox.to("all@example.com")) == 2


def test_waiting_for_more_than_come_says_what_is_here(outbox: Outbox) -> None:
    with pytest.raises(AssertionError, match=r"for 3 mails; here are 2:\n  'a' to a@example.com, all@example.com"):
        outbox.wait_for(3, timeout=0.01)


def test_cleared_it_is_empty(outbox: Outbox) -> None:
    outbox.clear()
    assert list(outbox) == []
    assert "no mail" in repr(outbox)
