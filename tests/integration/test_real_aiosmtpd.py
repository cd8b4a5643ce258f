"""The session and the drop-in against aiosmtpd."""

from __future__ import annotations

import ssl

import pytest
from real_servers.aio import MOST, PASSWORD, USER, Aio
from real_servers.messages import as_lines, mail, message, messages, rows, unlike

from notifier import smtp as smtplib
from notifier.errors import MisconfiguredError
from notifier.model.secret import Secret
from notifier.smtp import Session

ZOE, BOB, NOBODY = "zoe@x.example", "bob@x.example", "nobody@x.example"
SECRET = Secret(PASSWORD)


@pytest.mark.parametrize("door", ["plain", "STARTTLS", "implicit"])
def test_what_is_stored_is_what_was_sent(aio: Aio, door: str) -> None:
    sent = messages()
    with Session.open(aio.door(door)) as session:
        outcomes = list(session.send_many([mail(data, ZOE) for data in sent.values()]))
        assert session.usable
    assert [rows(outcome) for outcome in outcomes] == [{ZOE: None}] * len(sent)
    assert unlike([one.original_content for one in aio.take()], [as_lines(data) for data in sent.values()]) == []


def test_a_thousand_mails_over_one_connection(aio: Aio) -> None:
    sent = [message(f"number {number}") for number in range(1000)]
    with Session.open(aio.door()) as session:
        assert all(rows(outcome) == {ZOE: None} for outcome in session.send_many([mail(data, ZOE) for data in sent]))
    assert [one.original_content for one in aio.take()] == sent


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_law_11_a_login_of_any_language(aio: Aio, mechanism: str) -> None:
    where = aio.door("login", username=USER, password=SECRET, mechanisms=(mechanism,))
    with Session.open(where) as session:
        (outcome,) = session.send_many([mail(message("logged in"), ZOE)])
    assert rows(outcome) == {ZOE: None}
    aio.take()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_law_11_a_wrong_password_is_told_once(aio: Aio, mechanism: str) -> None:
    where = aio.door("login", username=USER, password=Secret("wrong"), mechanisms=(mechanism,))
    with pytest.raises(MisconfiguredError) as caught:
        Session.open(where)
    assert caught.value.taxonomy_id == "A1"


def test_a_recipient_is_refused_beside_a_good_one_and_the_next_mail_goes(aio: Aio) -> None:
    mails = [mail(message("some"), NOBODY, ZOE), mail(message("none"), NOBODY), mail(message("all"), BOB)]
    with Session.open(aio.door()) as session:
        outcomes = list(session.send_many(mails))
    assert [rows(outcome) for outcome in outcomes] == [{NOBODY: "R7", ZOE: None}, {NOBODY: "R7"}, {BOB: None}]
    assert [one.rcpt_tos for one in aio.take()] == [[ZOE], [BOB]]


def test_a_mail_over_the_size_is_refused_before_it_is_sent(aio: Aio) -> None:
    with Session.open(aio.door()) as session:
        big, small = session.send_many([mail(message("big", b"x\r\n" * (MOST // 3)), ZOE), mail(message("small"), ZOE)])
    assert (rows(big), rows(small)) == ({ZOE: "E5"}, {ZOE: None})
    assert len(aio.take()) == 1


def test_an_address_of_another_script_goes_by_smtputf8(aio: Aio) -> None:
    with Session.open(aio.door()) as session:
        (outcome,) = session.send_many([mail(message("utf-8"), "zoë@x.example", sender="ü@x.example")])
    assert rows(outcome) == {"zoë@x.example": None}
    (kept,) = aio.take()
    assert (kept.mail_from, kept.rcpt_tos, kept.smtp_utf8) == ("ü@x.example", ["zoë@x.example"], True)


# the drop-in ----------------------------------------------------------------------------------------------------------


def test_a_program_for_the_standard_module_logs_in_and_sends(aio: Aio) -> None:
    trusting = ssl.create_default_context(cafile=str(aio.ca_file))
    sent = messages()
    where = aio.door("login")
    with smtplib.SMTP(where.host, where.port, timeout=10) as client:
        client.starttls(context=trusting)
        assert client.login(USER, PASSWORD)[0] == 235
        for data in sent.values():
            assert client.sendmail("s@x.example", [ZOE, NOBODY], data) == {NOBODY: (550, b"5.1.1 No such user")}
    assert unlike([one.original_content for one in aio.take()], [as_lines(data) for data in sent.values()]) == []


def test_a_program_for_the_standard_module_over_implicit_tls(aio: Aio) -> None:
    trusting = ssl.create_default_context(cafile=str(aio.ca_file))
    where = aio.door("implicit")
    with smtplib.SMTP_SSL(where.host, where.port, context=trusting, timeout=10) as client:
        client.sendmail("s@x.example", ZOE, message("by SMTP_SSL"))
        assert client.final_replies == [(250, b"2.0.0 Kept as number 1")]
    aio.take()
