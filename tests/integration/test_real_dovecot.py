"""The session against Dovecot's LMTP server (RFC 2033): every recipient has an outcome of its own."""

from __future__ import annotations

import pytest
from real_servers.dovecot import QUOTA, Dovecot
from real_servers.messages import as_lines, mail, message, messages, rows, unlike

from notifier.smtp import Endpoint, Session

ZOE, BOB, FULL, NOBODY = "zoe@x.example", "bob@x.example", "full@x.example", "nobody@x.example"


@pytest.fixture(params=["tcp", "unix"])
def endpoint(request: pytest.FixtureRequest, dovecot: Dovecot) -> Endpoint:
    found: Endpoint = getattr(dovecot, request.param)
    return found


def test_what_is_stored_is_what_was_sent(dovecot: Dovecot, endpoint: Endpoint) -> None:
    sent = messages()
    with Session.open(endpoint) as session:
        outcomes = list(session.send_many([mail(data, ZOE) for data in sent.values()]))
    assert [rows(outcome) for outcome in outcomes] == [{ZOE: None}] * len(sent)
    stored = dovecot.maildir(ZOE).take(len(sent))
    assert unlike(stored, [as_lines(data) for data in sent.values()]) == []


def test_each_recipient_has_its_own_outcome(dovecot: Dovecot, endpoint: Endpoint) -> None:
    data = message("to some")
    with Session.open(endpoint) as session:
        (outcome,) = session.send_many([mail(data, ZOE, NOBODY, BOB)])
        assert session.usable
    assert rows(outcome) == {ZOE: None, NOBODY: "R7", BOB: None}
    assert [*dovecot.maildir(ZOE).take(1), *dovecot.maildir(BOB).take(1)] == [data, data]


def test_of_many_mails_every_reply_finds_its_recipient(dovecot: Dovecot, endpoint: Endpoint) -> None:
    sent = [message(f"number {number}") for number in range(100)]
    with Session.open(endpoint) as session:
        outcomes = list(session.send_many([mail(data, BOB, NOBODY, ZOE) for data in sent]))
        assert session.usable
    assert [rows(outcome) for outcome in outcomes] == [{BOB: None, NOBODY: "R7", ZOE: None}] * 100
    for user in (ZOE, BOB):
        assert unlike(dovecot.maildir(user).take(100), sent) == []


def test_a_mail_to_strangers_only_leaves_the_session_for_the_next(dovecot: Dovecot, endpoint: Endpoint) -> None:
    mails = [mail(message("to nobody"), NOBODY), mail(message("to zoe"), ZOE)]
    with Session.open(endpoint) as session:
        strangers, known = session.send_many(mails)
        assert session.usable
    assert (rows(strangers), rows(known)) == ({NOBODY: "R7"}, {ZOE: None})
    assert not strangers.terminator_sent
    assert dovecot.maildir(ZOE).take(1) == [message("to zoe")]


def test_a_full_mailbox_takes_nothing_from_its_neighbour(dovecot: Dovecot, endpoint: Endpoint) -> None:
    """The quota is known only when the message is there: the verdict comes with the final reply, one for each."""
    data = message("heavy", (b"z" * 76 + b"\r\n") * (QUOTA // 78 + 1))
    with Session.open(endpoint) as session:
        (outcome,) = session.send_many([mail(data, FULL, ZOE)])
        assert session.usable
    assert rows(outcome) == {FULL: "Z3", ZOE: None}
    assert [fault.enhanced for fault in outcome.faults] == ["5.2.2"]
    assert unlike(dovecot.maildir(ZOE).take(1), [data]) == []
