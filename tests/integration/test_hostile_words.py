"""Fault 58: what stands in replies beside ASCII goes through session, transcript, errors and log, and changes no terminal."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest
from hostile_sessions import PATIENT, endpoint, honest, mail, rows
from workers import plant

from notifier import send_email
from notifier import smtp as smtplib
from notifier.errors import DeliveryError
from notifier.model.secret import Secret
from notifier.smtp import Session
from notifier.testing import HostileServer, Moment, Say, Script

DIRTY = {
    "ANSI": b"\x1b[31mred\x1b[0m \x1b]0;owned\x07 \x1b[2J",
    "C1 in UTF-8": b"\xc2\x9b31m \xc2\x85",
    "C1 as an octet": b"\x9b31m \x85",
    "8-bit": b"gr\xfc\xdf",
    "no UTF-8": b"\xc3\x28 \xff\xfe \xed\xa0\x80",
    "both directions": "\u202egnp.exe\u202c \u2066x\u2069".encode(),
    "line separators": "a\u2028b\u2029c".encode(),
    "DEL, BS and TAB": b"a\x7f\x08\x08b\tc",
    "other scripts": "grüß 你好 👋".encode(),
}
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(params=DIRTY)
def words(request: pytest.FixtureRequest) -> bytes:
    return DIRTY[request.param]


def fit(text: str) -> None:
    assert not UNFIT.search(text), repr(text)
    text.encode()


@pytest.mark.parametrize("reply", [b"550 5.1.1 ", b"451 4.3.0 "])
@pytest.mark.parametrize("moment", [Moment.MAIL, Moment.RCPT, Moment.DATA, Moment.FINAL_REPLY])
def test_58_a_refusal_is_told_in_words_that_are_fit_for_a_log(moment: Moment, reply: bytes, words: bytes) -> None:
    plan = {(moment, 1): Say(reply + words + b"\r\n")}
    with HostileServer(plan, offers=("PIPELINING", "8BITMIME")) as server:
        with Session.open(endpoint(server), transcript=True) as session:
            refused, taken = session.send_many([mail("a@x.example"), mail("b@x.example")])
        honest(server, refused)
    assert rows(taken) == [None]
    (fault,) = refused.faults
    fit(f"{fault}{fault.text}")
    for line in (*refused.transcript, *taken.transcript):
        fit(line)
    fit(json.dumps(fault.to_dict(), ensure_ascii=False))
    assert fault.code == int(reply[:3])


def test_58_a_final_reply_is_kept_in_words_that_are_fit_for_a_log(words: bytes) -> None:
    plan = {Moment.FINAL_REPLY: Say(b"250-2.0.0 " + words + b"\r\n250 2.0.0 " + words + b"\r\n", accepts=True)}
    with HostileServer(plan) as server, Session.open(endpoint(server)) as session:
        (outcome,) = session.send_many([mail()])
    assert rows(outcome) == [None]
    fit(outcome.reply or "")


def test_58_a_servers_name_is_fit_for_a_log(words: bytes) -> None:
    plan = {Moment.EHLO: Say(b"250-" + words + b"\r\n250-X " + words + b"\r\n250 " + words + b"\r\n")}
    with HostileServer(plan) as server, Session.open(endpoint(server), transcript=True) as session:
        for line in session.transcript:
            fit(line)
        (outcome,) = session.send_many([mail()])
    fit(outcome.server or "")
    assert rows(outcome) == [None]


OPENING = [
    (Moment.GREETING, b"554 "),
    (Moment.EHLO, b"550 "),
    (Moment.STARTTLS, b"454 "),
    (Moment.AUTH, b"535 5.7.8 "),
]


@pytest.mark.parametrize(("moment", "reply"), OPENING)
def test_58_an_error_is_told_in_words_that_are_fit_for_a_log(moment: Moment, reply: bytes, words: bytes) -> None:
    plan = {moment: Say(reply + words + b"\r\n")}
    with HostileServer(plan, tls=True, offers=("AUTH PLAIN",)) as server, pytest.raises(DeliveryError) as caught:
        Session.open(endpoint(server, username="zoe", password=Secret("hunter2")))
    error = caught.value
    fit(f"{error}{error.fault.text}")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own octets


@pytest.mark.parametrize(
    "moment", [Moment.GREETING, Moment.EHLO, Moment.MAIL, Moment.RCPT, Moment.DATA, Moment.FINAL_REPLY]
)
def test_58_nul_is_no_character_of_a_reply(moment: Moment) -> None:
    """It is what strings end with elsewhere: what one reads of such a reply, another does not."""
    code = {Moment.GREETING: b"220", Moment.DATA: b"354"}.get(moment, b"250")
    plan = {moment: Say(code + b" fine\0, or not\r\n", accepts=True)}
    with HostileServer(plan, offers=("PIPELINING",)) as server:
        try:
            with Session.open(endpoint(server)) as session:
                outcomes = list(session.send_many([mail("a@x.example"), mail("b@x.example")]))
                assert not session.usable
        except DeliveryError as error:
            fit(str(error))
            assert moment in (Moment.GREETING, Moment.EHLO)
            return
        for outcome in outcomes:
            assert "accepted" not in {str(one.state) for one in outcome.recipients.values()}
            honest(server, outcome)
            fit(" ".join(map(str, outcome.faults)))


def test_58_the_drop_in_gives_words_as_octets_and_ends_at_nul(words: bytes) -> None:
    """As the standard module does: programs decode them as they like."""
    plan = {(Moment.RCPT, 1): Say(b"550 " + words + b"\r\n"), (Moment.RCPT, 2): Say(b"250 a\0b\r\n")}
    with HostileServer(plan) as server:
        client = smtplib.SMTP(server.host, server.port, timeout=PATIENT.mail)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            client.sendmail("s@x.example", "a@x.example", "hi")
        assert caught.value.recipients == {"a@x.example": (550, words.strip(b" \t"))}
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail("s@x.example", "a@x.example", "hi")


def test_58_a_workers_log_holds_nothing_that_changes_a_terminal(tmp_path: Path) -> None:
    """Refusals, deferrals and replies of a real relay, through a real worker."""
    script = Script()
    names = [f"r{number}@example.com" for number in range(len(DIRTY))]
    for name, words in zip(names, DIRTY.values(), strict=True):
        script.refuse(name, f"550 5.1.1 no {words.decode('utf-8', 'replace')}")
    script.refuse("long@example.com", "550-5.1.1 one\r\n550 5.1.1 " + "x" * 2000)
    with plant(tmp_path, script) as made:
        made.start_worker()
        ids = [
            send_email.delay(template="welcome", to=name, context={"name": "Zoë"}).id
            for name in (*names, "long@example.com")
        ]
        made.settle(ids, "failed")
        made.workers.pop().stop()  # it says what it has done when that is stored
        log = made.logs()
    for mail_id in ids:
        (line,) = [line for line in log.split("\n") if mail_id in line and "failed" in line]
        fit(line)
        assert len(line) < 1000
    fit(log.replace("\n", ""))
