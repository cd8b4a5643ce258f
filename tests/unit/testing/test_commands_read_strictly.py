"""What the catching server makes of the arguments of MAIL, RCPT and BDAT, and of the answers to AUTH."""

from __future__ import annotations

import base64

import pytest

from notifier.protocol.received_commands import MailCommand, Refused, read_mail, read_rcpt
from notifier.testing.commands import read_base64, read_bdat, read_plain

LIMIT = 1000


def refusal_of_mail(text: str) -> str:
    with pytest.raises(Refused) as caught:
        read_mail(text, max_size=LIMIT)
    return caught.value.reply[:9]


def refusal_of_rcpt(text: str, *, smtputf8: bool = False) -> str:
    with pytest.raises(Refused) as caught:
        read_rcpt(text, smtputf8=smtputf8)
    return caught.value.reply[:9]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM:<>", MailCommand("", smtputf8=False)),
        ("from:<a@x.example>", MailCommand("a@x.example", smtputf8=False)),
        ("FROM:<a@x.example> SIZE=1000 BODY=8BITMIME", MailCommand("a@x.example", smtputf8=False)),
        ("FROM:<ä@x.example> smtputf8", MailCommand("ä@x.example", smtputf8=True)),
        ('FROM:<"a> b\\"c"@x.example>', MailCommand('"a> b\\"c"@x.example', smtputf8=False)),
        ("FROM:<a@x.example> AUTH=<>", MailCommand("a@x.example", smtputf8=False)),
    ],
)
def test_mail_is_read(text: str, expected: MailCommand) -> None:
    assert read_mail(text, max_size=LIMIT) == expected


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("", "501 5.5.4"),
        ("FROM:a@x.example", "501 5.5.4"),
        ("FROM: <a@x.example>", "501 5.5.4"),  # no blank is allowed there
        ("TO:<a@x.example>", "501 5.5.4"),
        ("FROM:<a@x.example>x", "501 5.5.4"),
        ("FROM:<a b@x.example>", "501 5.5.4"),
        ("FROM:<a@x.example> <b@x.example>", "555 5.5.4"),
        ("FROM:<a@x.example> SIZE", "501 5.5.4"),
        ("FROM:<a@x.example> SIZE=1k", "501 5.5.4"),
        ("FROM:<a@x.example> SIZE=²", "501 5.5.4"),
        ("FROM:<a@x.example> SIZE=1001", "552 5.3.4"),
        ("FROM:<a@x.example> BODY=BINARYMIME", "555 5.5.4"),
        ("FROM:<a@x.example>  SIZE=1", "555 5.5.4"),
        ("FROM:<a@x.example> SMTPUTF8=yes", "555 5.5.4"),
        ("FROM:<a>", "553 5.1.7"),
        ("FROM:<@x.example>", "553 5.1.7"),
        ("FROM:<a@>", "553 5.1.7"),
        ("FROM:<" + "a" * 245 + "@x.example>", "553 5.1.7"),
        ("FROM:<ä@x.example>", "553 5.6.7"),
    ],
)
def test_mail_is_refused(text: str, reply: str) -> None:
    assert refusal_of_mail(text) == reply


def test_rcpt_is_read() -> None:
    assert read_rcpt("TO:<a@x.example>", smtputf8=False) == "a@x.example"
    assert read_rcpt("TO:<Postmaster>", smtputf8=False) == "Postmaster"
    assert read_rcpt("TO:<ä@x.example>", smtputf8=True) == "ä@x.example"


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("TO:<>", "501 5.5.4"),
        ("TO:a@x.example", "501 5.5.4"),
        ("TO:<a@x.example> NOTIFY=NEVER", "555 5.5.4"),  # DSN is not offered
        ("TO:<a@x.example> ", "555 5.5.4"),
        ("TO:<nobody>", "553 5.1.3"),
        ("TO:<ä@x.example>", "553 5.6.7"),
    ],
)
def test_rcpt_is_refused(text: str, reply: str) -> None:
    assert refusal_of_rcpt(text) == reply


def test_bdat_is_read() -> None:
    assert read_bdat("0 LAST") == (0, True)
    assert read_bdat("86 last") == (86, True)
    assert read_bdat("1000") == (1000, False)


@pytest.mark.parametrize("text", ["", "-1", "1 FIRST", "1  LAST", "0x10", "٣", "9" * 16])
def test_bdat_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="501"):
        read_bdat(text)


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_answers_to_auth_are_read() -> None:
    assert read_plain(coded("\0zoë\0pass:word")) == ("zoë", "pass:word")
    assert read_base64("=") == ""  # an empty answer beside the command, RFC 4954 section 4


@pytest.mark.parametrize("answer", ["*", "hunter2", "!!!!", coded("zoe"), coded("a\0b\0c\0hunter2"), "/w=="])
def test_what_is_no_answer_is_refused_and_not_repeated(answer: str) -> None:
    with pytest.raises(Refused) as caught:
        read_plain(answer)
    assert caught.value.reply.startswith("501")
    assert "hunter2" not in str(caught.value)
