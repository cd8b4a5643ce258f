"""The session against Postfix."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_servers.messages import as_lines, mail, message, messages, rows, unlike
from real_servers.postfix import SIZE_LIMIT, Log, Postfix

from notifier.errors import DeliveryError
from notifier.model.envelope import Envelope, MailObject
from notifier.smtp import Session, TLSPolicy

ZOE, BOB, LATER, NOBODY = "zoe@x.example", "bob@x.example", "later@x.example", "nobody@x.example"


@pytest.mark.parametrize("door", ["everything", "no BDAT", "lock step"])
@pytest.mark.parametrize("tls", [TLSPolicy.NONE, TLSPolicy.REQUIRED], ids=["plain", "STARTTLS"])
def test_what_is_stored_is_what_was_sent(postfix: Postfix, door: str, tls: TLSPolicy) -> None:
    sent = messages()
    with Session.open(postfix.door(door, tls)) as session:
        outcomes = list(session.send_many([mail(data, ZOE) for data in sent.values()]))
    assert [rows(outcome) for outcome in outcomes] == [{ZOE: None}] * len(sent)
    stored = postfix.maildir("zoe").take(len(sent))
    assert unlike(stored, [as_lines(data) for data in sent.values()]) == []


def test_starttls_is_spoken_before_anything_else(postfix: Postfix, log: Log) -> None:
    with Session.open(postfix.door(tls=TLSPolicy.REQUIRED)) as session:
        (outcome,) = session.send_many([mail(message("sealed"), ZOE)])
    assert outcome.tls is not None
    assert outcome.tls.startswith("TLSv1.3")
    (conversation,) = log.conversations()
    assert conversation.commands == {"ehlo": 2, "starttls": 1, "mail": 1, "rcpt": 1, "bdat": 1, "quit": 1}
    assert postfix.maildir("zoe").take(1) == [message("sealed")]


def test_a_certificate_of_an_unknown_authority_ends_it_before_a_mail(postfix: Postfix, log: Log) -> None:
    with pytest.raises(DeliveryError) as refused:
        Session.open(replace(postfix.door(tls=TLSPolicy.REQUIRED), ca_file=None))
    assert refused.value.taxonomy_id == "L2"
    (conversation,) = log.conversations()
    assert conversation.commands == {"ehlo": 1, "starttls": 1}


def test_recipients_are_refused_and_deferred_beside_good_ones(postfix: Postfix, log: Log) -> None:
    data = message("to some")
    with Session.open(postfix.door()) as session:
        (outcome,) = session.send_many([mail(data, NOBODY, ZOE, LATER, BOB, sender="")])
        assert session.usable
    assert rows(outcome) == {NOBODY: "R7", ZOE: None, LATER: "R2", BOB: None}
    assert [(fault.code, fault.enhanced) for fault in outcome.faults] == [(550, "5.1.1"), (450, "4.2.1")]
    assert [*postfix.maildir("zoe").take(1), *postfix.maildir("bob").take(1)] == [data, data]


@pytest.mark.parametrize("door", ["everything", "no BDAT", "lock step"])
def test_a_mail_to_strangers_only_leaves_the_session_for_the_next(postfix: Postfix, door: str) -> None:
    mails = [mail(message("to nobody"), NOBODY, LATER), mail(message("to zoe"), ZOE)]
    with Session.open(postfix.door(door)) as session:
        strangers, known = session.send_many(mails)
        assert session.usable
    assert (rows(strangers), rows(known)) == ({NOBODY: "R7", LATER: "R2"}, {ZOE: None})
    assert postfix.maildir("zoe").take(1) == [message("to zoe")]


def test_more_recipients_than_fit_go_in_further_transactions(postfix: Postfix, log: Log) -> None:
    paths = [f"r{number}@x.invalid" for number in range(25)]
    with Session.open(postfix.door("ten recipients")) as session:
        (outcome,) = session.send_many([mail(message("to many"), *paths)])
        assert session.usable
    assert rows(outcome) == dict.fromkeys(paths)
    (conversation,) = log.conversations()
    assert conversation.commands["mail"] == 3


def test_addresses_and_headers_of_all_languages_go_through(postfix: Postfix) -> None:
    paths = ("zoë@x.example", "zoë@müller.example")
    data = "Subject: Grüße\r\nFrom: Zoë <zoë@müller.example>\r\n\r\nhello\r\n".encode()
    with Session.open(postfix.door()) as session:
        (outcome,) = session.send_many([MailObject(Envelope("zoë@x.example", paths), data, smtputf8=True)])
    assert rows(outcome) == dict.fromkeys(paths)
    assert postfix.maildir("zoe8").take(2) == [data, data]


def too_big() -> bytes:
    return message("too big", (b"z" * 76 + b"\r\n") * (SIZE_LIMIT // 78 + 1))


def test_a_mail_over_the_size_that_is_named_is_not_even_begun(postfix: Postfix, log: Log) -> None:
    with Session.open(postfix.door()) as session:
        (outcome,) = session.send_many([mail(too_big(), ZOE)])
        assert session.usable
    assert rows(outcome) == {ZOE: "E5"}
    (conversation,) = log.conversations()
    assert conversation.commands == {"ehlo": 1, "quit": 1}


@pytest.mark.parametrize("door", ["no SIZE", "neither SIZE nor BDAT"])
def test_a_size_that_is_not_named_is_refused_by_the_server_alone(postfix: Postfix, door: str) -> None:
    with Session.open(postfix.door(door)) as session:
        big, small = session.send_many([mail(too_big(), ZOE), mail(message("small"), ZOE)])
        assert session.usable
    assert (rows(big), rows(small)) == ({ZOE: "Z3"}, {ZOE: None})
    assert [(fault.code, fault.enhanced) for fault in big.faults] == [(552, "5.3.4")]
    assert postfix.maildir("zoe").take(1) == [message("small")]


@pytest.mark.parametrize(
    ("door", "window"),
    [("everything", 16), ("everything", 1), ("no BDAT", 1), ("lock step", 1)],
    ids=["sixteen in flight", "BDAT", "DATA", "lock step"],
)
def test_a_thousand_mails_over_one_connection(postfix: Postfix, log: Log, door: str, window: int) -> None:
    mails = [mail(message(f"number {number}"), f"r{number}@x.invalid") for number in range(1000)]
    with Session.open(replace(postfix.door(door), window=window)) as session:
        outcomes = list(session.send_many(mails))
        assert session.usable
    assert [outcome.position for outcome in outcomes] == list(range(1000))
    assert all(row is None for outcome in outcomes for row in rows(outcome).values())
    assert len({outcome.reply for outcome in outcomes}) == 1000  # a queue id each
    (conversation,) = log.conversations()
    assert conversation.commands["mail"] == 1000
    assert conversation.failed == {}
