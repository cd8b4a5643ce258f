"""The same calls against the standard module and ours on the same scripted server: equal octets, results, exceptions."""

from __future__ import annotations

import smtplib as standard
from collections.abc import Callable
from email.message import EmailMessage
from email.mime.text import MIMEText
from typing import Any

import pytest
from lockstep import Heard, lockstep

from notifier import smtp as ours

HI = b"220 hi\r\n"
EHLO = b"250-relay greets you\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 AUTH PLAIN LOGIN\r\n"
OLD = b"250-relay\r\n250-AUTH=LOGIN\r\n250 AUTH PLAIN\r\n"
OK, BYE = b"250 ok\r\n", b"221 bye\r\n"
GO = b"354 go\r\n"
TEXT = "Subject: hi\n\n.dot\nlast"


def modern() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Cc"] = "Zoë <a@b.example>", "c@d.example, E <e@f.example>", "g@h.example"
    message["Bcc"], message["Subject"] = "secret@x.example", "Grüße"
    message.set_content("Hello\n.\n")
    return message


def old() -> MIMEText:
    message = MIMEText("Hello\n")
    message["From"], message["Sender"], message["To"] = "a@b.example", "s@b.example", "c@d.example"
    return message


def resent() -> EmailMessage:
    message = modern()
    message["Resent-Date"], message["Resent-From"] = "Mon, 23 Nov 2026 10:00:00 +0000", "r@b.example"
    message["Resent-To"], message["Resent-Bcc"] = "to@b.example", "bcc@b.example"
    return message


def international() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "ö@b.example", "c@d.example"
    message.set_content("x\n")
    return message


def refusal(client: Any) -> object:
    try:
        return client.sendmail("a@b.example", "c@d.example", TEXT)
    except OSError as error:
        return shape(error)


Call = Callable[[Any], object]
SENT = [HI, EHLO, OK, OK, GO, OK, BYE]
CASES: dict[str, tuple[list[bytes], Call]] = {
    "helo": ([HI, OK], lambda s: (s.helo(), s.helo_resp, s.does_esmtp)),
    "helo with a name": ([HI, OK], lambda s: s.helo("other.example")),
    "ehlo": ([HI, EHLO], lambda s: (s.ehlo(), s.ehlo_resp, s.does_esmtp, s.esmtp_features)),
    "ehlo of old servers": ([HI, OLD], lambda s: (s.ehlo(), s.esmtp_features)),
    "ehlo refused": ([HI, b"502 no\r\n"], lambda s: (s.ehlo(), s.does_esmtp)),
    "greeting falls back to helo": ([HI, b"502 no\r\n", OK], lambda s: s.ehlo_or_helo_if_needed()),
    "greeting refused": ([HI, b"502 no\r\n", b"501 no\r\n"], lambda s: s.ehlo_or_helo_if_needed()),
    "has_extn in any case": ([HI, EHLO], lambda s: (s.ehlo(), s.has_extn("SiZe"), s.has_extn("starttls"))),
    "help": ([HI, b"214-a\r\n214 b\r\n"], lambda s: s.help("MAIL")),
    "noop": ([HI, OK], lambda s: s.noop()),
    "rset": ([HI, OK], lambda s: s.rset()),
    "vrfy": ([HI, b"252 try\r\n"], lambda s: s.vrfy("A <a@b.example>")),
    "verify": ([HI, b"252 try\r\n"], lambda s: s.verify("a@b.example")),
    "expn": ([HI, b"250-a\r\n250 b\r\n"], lambda s: s.expn("list")),
    "docmd": ([HI, b"250-one \r\n250  two\r\n"], lambda s: s.docmd("XTRA", "some thing")),
    "putcmd and getreply": ([HI, OK], lambda s: (s.putcmd("noop"), s.getreply())),
    "raw octets in one write": ([HI, OK, b"251 two\r\n"], lambda s: (s.send("NOOP\r\nNOOP\r\n"), s.getreply(), s.getreply())),
    "mail": ([HI, OK], lambda s: s.mail("A <a@b.example>")),
    "mail of nobody": ([HI, OK], lambda s: s.mail("")),
    "mail with options": ([HI, EHLO, OK], lambda s: (s.ehlo(), s.mail("a@b.example", ["BODY=8BITMIME", "RET=HDRS"]))),
    "mail without esmtp drops options": ([HI, OK, OK], lambda s: (s.helo(), s.mail("a@b.example", ["RET=HDRS"]))),
    "mail with SMTPUTF8": ([HI, EHLO, OK], lambda s: (s.ehlo(), s.mail("ö@b.example", ["SMTPUTF8"]))),
    "mail with SMTPUTF8 not offered": ([HI, b"250 r\r\n"], lambda s: (s.ehlo(), s.mail("ö@b.example", ["SMTPUTF8"]))),
    "rcpt": ([HI, EHLO, OK], lambda s: (s.ehlo(), s.rcpt("a@b.example", ["NOTIFY=NEVER"]))),
    "data": ([HI, OK, GO, OK], lambda s: (s.mail("a@b.example"), s.data(TEXT))),
    "data refused": ([HI, OK, b"554 no\r\n"], lambda s: (s.mail("a@b.example"), s.data(TEXT))),
    "quit": ([HI, BYE], lambda s: (s.quit(), s.sock)),
    "quit refused": ([HI, b"500 what\r\n"], lambda s: s.quit()),
    "sendmail": (SENT, lambda s: s.sendmail("a@b.example", "c@d.example", TEXT)),
    "sendmail of octets": (SENT, lambda s: s.sendmail("a@b.example", ["c@d.example"], b"x\r\n..y\r\n")),
    "sendmail with options": (
        SENT, lambda s: s.sendmail("a@b.example", ["c@d.example"], "x", ["RET=FULL"], ["NOTIFY=FAILURE"])
    ),
    "sendmail to some": (
        [HI, EHLO, OK, b"550 no\r\n", b"251 forward\r\n", GO, OK],
        lambda s: s.sendmail("a@b.example", ["x@d.example", "c@d.example"], TEXT),
    ),
    "sendmail to nobody": (
        [HI, EHLO, OK, b"550 no\r\n", OK, OK], lambda s: s.sendmail("a@b.example", ["x@d.example"], TEXT)
    ),
    "sendmail from nobody welcome": ([HI, EHLO, b"550 no\r\n", OK], lambda s: s.sendmail("a@b.example", "c@d.e", TEXT)),
    "sendmail ended at mail": ([HI, EHLO, b"421 bye\r\n"], lambda s: s.sendmail("a@b.example", "c@d.example", TEXT)),
    "sendmail ended at rcpt": ([HI, EHLO, OK, b"421 bye\r\n"], lambda s: s.sendmail("a@b.example", "c@d.e", TEXT)),
    "sendmail of a refused message": (
        [HI, EHLO, OK, OK, GO, b"554 no\r\n", OK], lambda s: s.sendmail("a@b.example", "c@d.example", TEXT)
    ),
    "sendmail twice": ([HI, EHLO, *[OK, OK, GO, OK] * 2], lambda s: [s.sendmail("a@b.e", "c@d.e", TEXT) for _ in "12"]),
    "sendmail over helo": ([HI, b"500 x\r\n", OK, OK, OK, GO, OK], lambda s: s.sendmail("a@b.e", "c@d.e", TEXT)),
    "sendmail with what RFC 5321 does not have": (
        SENT, lambda s: s.sendmail("a@b.example", "c@d.example", "x", ["ENVID=QQ==", 'X="a b"', "RET=HDRS SOLICIT=x"])
    ),
    "sendmail from and to old-fashioned addresses": (
        SENT, lambda s: s.sendmail("a@b.example (Zoe)", "<c@d.example> (Cee \\) Dee)", TEXT)
    ),
    "sendmail to a set": (SENT, lambda s: s.sendmail("a@b.example", {"c@d.example"}, TEXT)),
    "sendmail of a bytearray": (SENT, lambda s: s.sendmail("a@b.example", "c@d.example", bytearray(b"x\r\n"))),
    "sendmail with a name that is no ASCII": (SENT, lambda s: s.sendmail("Zoë <a@b.example>", "Ö <c@d.example>", TEXT)),
    "sendmail refused, with the reset refused too": (
        [HI, EHLO, b"550 no\r\n", b"500 no\r\n", OK], lambda s: (refusal(s), s.noop())
    ),
    "sendmail where SMTPUTF8 is not offered": (
        [HI, b"250 r\r\n"], lambda s: s.sendmail("ö@b.example", "c@d.example", TEXT, ["SMTPUTF8"])
    ),
    "mail with a newline in its options": (
        [HI, EHLO], lambda s: (s.ehlo(), s.mail("a@b.example", ["X=1\nRSET", "Y\r\nRSET"]))
    ),
    "send_message": ([HI, EHLO, OK, OK, OK, OK, OK, GO, OK], lambda s: s.send_message(modern(), to_addrs=list("abcd"))),
    "send_message of the old kind": (SENT, lambda s: s.send_message(old())),
    "send_message with addresses": (SENT, lambda s: s.send_message(modern(), "x@y.example", "z@y.example")),
    "send_message that is resent": ([HI, EHLO, OK, OK, OK, GO, OK], lambda s: s.send_message(resent())),
    "send_message international": (SENT, lambda s: s.send_message(international())),
    "send_message international, not offered": ([HI, b"250 r\r\n"], lambda s: s.send_message(international())),
    "login": ([HI, EHLO, b"235 in\r\n"], lambda s: (s.login("zoe", "hunter2"), s.user, s.password)),
    "login already": ([HI, EHLO, b"503 twice\r\n"], lambda s: s.login("zoe", "hunter2")),
    "login without initial response": (
        [HI, EHLO, b"334 \r\n", b"235 in\r\n"], lambda s: s.login("zoe", "hunter2", initial_response_ok=False)
    ),
    "login by LOGIN": (
        [HI, b"250-r\r\n250 AUTH LOGIN\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 in\r\n"], lambda s: s.login("zoe", "pw")
    ),
    "login by CRAM-MD5": (
        [HI, b"250-r\r\n250 AUTH PLAIN CRAM-MD5\r\n", b"334 PDEyMz4=\r\n", b"235 in\r\n"], lambda s: s.login("zoe", "pw")
    ),
    "login refused": ([HI, b"250-r\r\n250 AUTH PLAIN\r\n", b"535 no\r\n"], lambda s: s.login("zoe", "hunter2")),
    "login where there is none": ([HI, b"250 r\r\n"], lambda s: s.login("zoe", "hunter2")),
    "login where nothing fits": ([HI, b"250-r\r\n250 AUTH GSSAPI\r\n"], lambda s: s.login("zoe", "hunter2")),
    "login by LOGIN of servers that ask in plain words": (
        [HI, b"250-r\r\n250 AUTH LOGIN\r\n", b"334 Username:\r\n", b"334 Password:\r\n", b"235 in\r\n"],
        lambda s: s.login("zoe", "hunter2", initial_response_ok=False),
    ),
    "login by PLAIN where another was promised": (
        [HI, b"250-r\r\n250 AUTH CRAM-MD5 PLAIN\r\n", b"504 no\r\n", b"235 in\r\n"], lambda s: s.login("zoe", "hunter2")
    ),
    "login refused for now": (
        [HI, b"250-r\r\n250 AUTH PLAIN LOGIN\r\n", b"454 later\r\n", b"454 later\r\n"], lambda s: s.login("zoe", "hunter2")
    ),
    "auth of one's own": (
        [HI, b"334 eA==\r\n", b"235 in\r\n"], lambda s: s.auth("xtra", lambda challenge=None: challenge and "answer")
    ),
    "starttls not offered": ([HI, b"250 r\r\n"], lambda s: s.starttls()),
    "starttls refused": ([HI, b"250-r\r\n250 STARTTLS\r\n", b"454 later\r\n"], lambda s: s.starttls()),
    "the server goes away": ([HI], lambda s: s.noop()),
    "the server goes away before EHLO": ([HI], lambda s: s.sendmail("a@b.example", "c@d.example", TEXT)),
    "the server goes away before the final reply": (SENT[:5], lambda s: s.sendmail("a@b.example", "c@d.example", TEXT)),
    "nobody is connected": ([HI, BYE], lambda s: (s.quit(), s.sendmail("a@b.example", "c@d.example", TEXT))),
    "the socket's timeout": ([HI, EHLO], lambda s: (s.sock.gettimeout(), s.ehlo(), s.sock.gettimeout())),
    "a second connect": ([HI, BYE], lambda s: (s.quit(), s.noop())),
    "newline in a command": ([HI], lambda s: s.docmd("NOOP", "x\r\nRSET")),
}  # fmt: skip


def outcome(module: Any, replies: list[bytes], call: Call) -> tuple[object, bytes]:
    heard: Heard
    with lockstep(replies) as heard:
        client = module.SMTP(heard.host, heard.port, local_hostname="client.example", timeout=5)
        try:
            result = call(client)
        except (module.SMTPException, ValueError) as error:
            result = shape(error)
        finally:
            client.close()
    return result, heard.octets


def shape(error: Exception) -> tuple[object, ...]:
    """What programs and people see of an exception."""
    system = (error.errno, error.strerror, error.filename) if isinstance(error, OSError) else None
    return type(error).__name__, str(error), error.args, vars(error), system


@pytest.mark.parametrize("name", CASES)
def test_the_same_calls_have_the_same_octets_and_the_same_result(name: str) -> None:
    replies, call = CASES[name]
    theirs, mine = outcome(standard, replies, call), outcome(ours, replies, call)
    assert mine == theirs


@pytest.mark.parametrize("replies", [[b"554 no\r\n"], [b"421 busy\r\n"], [b"220-hi\r\n220 there\r\n", OK]])
def test_the_greeting_is_treated_the_same(replies: list[bytes]) -> None:
    def connect(module: Any) -> object:
        with lockstep(replies) as heard:
            try:
                with module.SMTP(heard.host, heard.port, timeout=5) as client:
                    return client.noop()
            except module.SMTPException as error:
                return shape(error)

    assert connect(ours) == connect(standard)


def test_connect_by_itself_returns_the_greeting() -> None:
    for module in (standard, ours):
        with lockstep([b"220-hi\r\n220 there\r\n", BYE]) as heard:
            client = module.SMTP(timeout=5)
            assert client.connect(f"127.0.0.1:{heard.port}") == (220, b"hi\nthere")
            client.quit()


@pytest.mark.parametrize(
    ("host", "error"), [("127.0.0.1:x", OSError), ("no-such-host.invalid", OSError)], ids=["port", "host"]
)
def test_what_cannot_be_connected_to_is_told_the_same(host: str, error: type[Exception]) -> None:
    def refusal(module: Any) -> tuple[object, ...]:
        with pytest.raises(error) as caught:
            module.SMTP(host, timeout=5)
        return shape(caught.value)

    assert refusal(ours) == refusal(standard)


def test_a_timeout_of_zero_is_refused_in_the_same_words() -> None:
    def refusal(module: Any) -> tuple[object, ...]:
        with pytest.raises(ValueError, match="timeout=0") as caught:
            module.SMTP("127.0.0.1", 1, timeout=0)
        return shape(caught.value)

    assert refusal(ours) == refusal(standard)


def test_audit_hooks_for_the_standard_module_see_our_traffic() -> None:
    import sys

    seen: list[tuple[str, object]] = []
    listening = True
    sys.addaudithook(lambda event, args: seen.append((event, args[1])) if listening and "smtplib" in event else None)
    with lockstep([HI, BYE]) as heard:
        ours.SMTP(heard.host, heard.port, timeout=5).quit()
    listening = False
    assert seen == [("smtplib.connect", "127.0.0.1"), ("smtplib.send", b"quit\r\n")]
