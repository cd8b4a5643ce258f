"""The session against Postfix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from real_servers.messages import as_lines, mail, message, messages, rows, unlike
from real_servers.postfix import SIZE_LIMIT, Postfix
from real_servers.ways import WAYS

from notifier.errors import DeliveryError
from notifier.model.envelope import Envelope, MailObject
from notifier.model.parameters import MailParameters, RcptParameters
from notifier.smtp import Session, TLSPolicy

ZOE, BOB, LATER, NOBODY = "zoe@x.example", "bob@x.example", "later@x.example", "nobody@x.example"


@WAYS
@pytest.mark.parametrize("tls", [TLSPolicy.NONE, TLSPolicy.REQUIRED], ids=["plain", "STARTTLS"])
def test_what_is_stored_is_what_was_sent(postfix: Postfix, door: str, window: int, tls: TLSPolicy) -> None:
    sent = messages()
    with Session.open(replace(postfix.door(door, tls), window=window)) as session:
        outcomes = list(session.send_many([mail(data, ZOE) for data in sent.values()]))
    assert [rows(outcome) for outcome in outcomes] == [{ZOE: None}] * len(sent)
    stored = postfix.maildir("zoe").take(len(sent))
    assert unlike(stored, [as_lines(data) for data in sent.values()]) == []


def test_starttls_is_spoken_before_anything_else(postfix: Postfix) -> None:
    with Session.open(postfix.door(tls=TLSPolicy.REQUIRED)) as session:
        (outcome,) = session.send_many([mail(message("sealed"), ZOE)])
    assert outcome.tls is not None
    assert outcome.tls.startswith("TLSv1.3")
    (conversation,) = postfix.log.conversations()
    assert conversation.commands == {"ehlo": 2, "starttls": 1, "mail": 1, "rcpt": 1, "bdat": 1, "quit": 1}
    assert postfix.maildir("zoe").take(1) == [message("sealed")]


def test_tls_from_the_first_octet(postfix: Postfix) -> None:
    with Session.open(postfix.door("implicit TLS", TLSPolicy.IMPLICIT)) as session:
        (outcome,) = session.send_many([mail(message("sealed"), ZOE)])
    assert (outcome.tls or "").startswith("TLSv1.3")
    (conversation,) = postfix.log.conversations()
    assert conversation.commands == {"ehlo": 1, "mail": 1, "rcpt": 1, "bdat": 1, "quit": 1}
    assert postfix.maildir("zoe").take(1) == [message("sealed")]


def test_a_certificate_of_an_unknown_authority_ends_it_before_a_mail(postfix: Postfix) -> None:
    with pytest.raises(DeliveryError) as refused:
        Session.open(replace(postfix.door(tls=TLSPolicy.REQUIRED), ca_file=None))
    assert refused.value.taxonomy_id == "L2"
    (conversation,) = postfix.log.conversations()
    assert conversation.commands == {"ehlo": 1, "starttls": 1}


def test_recipients_are_refused_and_deferred_beside_good_ones(postfix: Postfix) -> None:
    data = message("to some")
    with Session.open(postfix.door()) as session:
        (outcome,) = session.send_many([mail(data, NOBODY, ZOE, LATER, BOB, sender="")])
        assert session.usable
    assert rows(outcome) == {NOBODY: "R7", ZOE: None, LATER: "R2", BOB: None}
    assert [(fault.code, fault.enhanced) for fault in outcome.faults] == [(550, "5.1.1"), (450, "4.2.1")]
    assert [*postfix.maildir("zoe").take(1), *postfix.maildir("bob").take(1)] == [data, data]


@WAYS
def test_a_mail_to_strangers_only_leaves_the_session_for_the_next(postfix: Postfix, door: str, window: int) -> None:
    mails = [mail(message("to nobody"), NOBODY, LATER), mail(message("to zoe"), ZOE)]
    with Session.open(replace(postfix.door(door), window=window)) as session:
        strangers, known = session.send_many(mails)
        assert session.usable
    assert (rows(strangers), rows(known)) == ({NOBODY: "R7", LATER: "R2"}, {ZOE: None})
    assert postfix.maildir("zoe").take(1) == [message("to zoe")]


def test_more_recipients_than_fit_go_in_further_transactions(postfix: Postfix) -> None:
    paths = [f"r{number}@x.invalid" for number in range(25)]
    with Session.open(postfix.door("ten recipients")) as session:
        (outcome,) = session.send_many([mail(message("to many"), *paths)])
        assert session.usable
    assert rows(outcome) == dict.fromkeys(paths)
    (conversation,) = postfix.log.conversations()
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


def test_a_mail_over_the_size_that_is_named_is_not_even_begun(postfix: Postfix) -> None:
    with Session.open(postfix.door()) as session:
        (outcome,) = session.send_many([mail(too_big(), ZOE)])
        assert session.usable
    assert rows(outcome) == {ZOE: "E5"}
    (conversation,) = postfix.log.conversations()
    assert conversation.commands == {"ehlo": 1, "quit": 1}


@pytest.mark.parametrize(
    ("door", "window"),
    [("no SIZE", 16), ("no SIZE", 1), ("neither SIZE nor BDAT", 1)],
    ids=["sixteen in flight", "BDAT", "DATA"],
)
def test_a_size_that_is_not_named_is_refused_by_the_server_alone(postfix: Postfix, door: str, window: int) -> None:
    small = [message(f"small {number}") for number in range(4)]
    mails = [mail(data, ZOE) for data in (small[0], too_big(), *small[1:])]
    with Session.open(replace(postfix.door(door), window=window)) as session:
        outcomes = list(session.send_many(mails))
        assert session.usable
    assert [rows(outcome)[ZOE] for outcome in outcomes] == [None, "Z3", None, None, None]
    assert [(fault.code, fault.enhanced) for fault in outcomes[1].faults] == [(552, "5.3.4")]
    assert unlike(postfix.maildir("zoe").take(4), small) == []


@WAYS
def test_a_thousand_mails_over_one_connection(postfix: Postfix, door: str, window: int) -> None:
    mails = [mail(message(f"number {number}"), f"r{number}@x.invalid") for number in range(1000)]
    with Session.open(replace(postfix.door(door), window=window)) as session:
        outcomes = list(session.send_many(mails))
        assert session.usable
    assert [outcome.position for outcome in outcomes] == list(range(1000))
    assert all(row is None for outcome in outcomes for row in rows(outcome).values())
    assert len({outcome.reply for outcome in outcomes}) == 1000  # a queue id each
    (conversation,) = postfix.log.conversations()
    assert conversation.commands["mail"] == 1000
    assert conversation.failed == {}


@WAYS
def test_a_mail_that_is_called_off_before_its_end_is_not_delivered(postfix: Postfix, door: str, window: int) -> None:
    def call_off(positions: Sequence[int]) -> float:
        raise InterruptedError(f"{positions} belongs to somebody else now")

    where = replace(postfix.door(door), window=window)
    session = Session.open(where)
    with pytest.raises(InterruptedError):
        list(session.send_many([mail(message("called off"), ZOE)], call_off))
    assert not session.usable
    postfix.log.conversations()
    with Session.open(where) as another:
        list(another.send_many([mail(message("witness"), ZOE)]))
    assert postfix.maildir("zoe").take(1) == [message("witness")]
    assert len(postfix.log.queued()) == 1


def test_a_delivery_report_names_the_envelope_and_the_recipient_as_we_did(postfix: Postfix) -> None:
    """RFC 3461: what cannot stand in a command as it is (a space, a plus) comes back as it was."""
    path = "somebody@x.invalid"
    asked = RcptParameters(notify=("SUCCESS",), orcpt="rfc822;some+body@x.invalid")
    envelope = Envelope(ZOE, (path,), MailParameters(ret="HDRS", envid="a+b = c d"), {path: asked})
    with Session.open(postfix.door()) as session:
        (outcome,) = session.send_many([MailObject(envelope, message("reported"))])
    assert rows(outcome) == {path: None}
    (report,) = postfix.maildir("zoe").take(1)
    assert b"\r\nOriginal-Envelope-Id: a+b = c d\r\n" in report
    assert b"\r\nOriginal-Recipient: rfc822;some+body@x.invalid\r\n" in report
    assert b"\r\nSubject: reported\r\n" in report
