"""The mailbox: what is kept, found and waited for; and mail that nobody should have sent."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.testing import CaughtMail, Mailbox
from notifier.testing.parsing import parse, text_of


def message(subject: str = "Hi", text: str = "hello", message_id: str = "<1@x.example>") -> bytes:
    lines = ["From: Zoë <zoe@x.example>", "To: Bob <bob@y.example>", f"Subject: {subject}", f"Message-ID: {message_id}"]
    body = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", text, ""]
    return "\r\n".join([*lines, *body]).encode()


def add(mailbox: Mailbox, data: bytes, *recipients: str) -> CaughtMail:
    return mailbox.add(
        reverse_path="bounces@x.example",
        recipients=recipients or ("bob@y.example",),
        data=data,
        helo="client.example",
        tls="TLSv1.3",
        smtputf8=True,
        connection=3,
    )


def test_mails_are_numbered_in_their_order() -> None:
    mailbox = Mailbox()
    mails = [add(mailbox, message(str(n))) for n in range(3)]
    assert [mail.number for mail in mailbox] == [1, 2, 3]
    assert mailbox.get(2) is mails[1]
    assert mailbox.get(4) is None
    assert len(mailbox) == 3


def test_a_number_is_never_given_twice() -> None:
    mailbox = Mailbox()
    add(mailbox, message())
    mailbox.clear()
    assert (len(mailbox), mailbox.get(1)) == (0, None)
    assert add(mailbox, message()).number == 2


@pytest.mark.parametrize("words", ["straße", "ZOË", "bob@y", "bounces@", "Grüße", "Bob"])
def test_mail_is_found_by_subject_people_and_text(words: str) -> None:
    mailbox = Mailbox()
    found = add(mailbox, message("Straße 5", "Grüße"))
    assert mailbox.search(words) == [found]
    assert mailbox.search("nothing like it") == []
    assert mailbox.search("") == [found]


def test_a_doubled_mail_is_two_in_its_group() -> None:
    mailbox = Mailbox()
    for message_id in ("<1@x>", "<2@x>", "<1@x>"):
        add(mailbox, message(message_id=message_id))
    assert {key: len(group) for key, group in mailbox.by_message_id().items()} == {"<1@x>": 2, "<2@x>": 1}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"message-id: <a@b>", "<a@b>"),
        (b"Message-ID:\r\n <a@b>", "<a@b>"),
        (b"Message-ID:\r\nSubject: x", ""),
        (b"X-Message-ID: <a@b>", ""),
        (b"Subject: x\r\n\r\nMessage-ID: <a@b>", ""),
    ],
)
def test_the_message_id_is_the_headers(header: bytes, expected: str) -> None:
    assert add(Mailbox(), b"From: a@b\r\n" + header + b"\r\n\r\nbody\r\n").message_id == expected


def test_a_waiter_is_woken_by_the_mail_it_waits_for() -> None:
    mailbox = Mailbox()
    woken: list[bool] = []
    waiter = threading.Thread(target=lambda: woken.append(mailbox.wait_for(2, timeout=30)))
    waiter.start()
    add(mailbox, message())
    add(mailbox, message())
    waiter.join(30)
    assert woken == [True]
    assert not mailbox.wait_for(3, timeout=0)


def test_the_journal_has_each_mail_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "accepted.jsonl"
    mailbox = Mailbox(path)
    assert path.read_text() == ""
    mails = [add(mailbox, message(str(n)), f"u{n}@y.example") for n in range(2)]
    mailbox.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {
            "at": mail.received_at,
            "message_id": "<1@x.example>",
            "recipients": list(mail.recipients),
            "sha256": hashlib.sha256(mail.data).hexdigest(),
            "connection": 3,
        }
        for mail in mails
    ]
    add(mailbox, message())
    mailbox.close()
    assert len(path.read_text().splitlines()) == 3


def test_a_header_in_utf8_is_text() -> None:
    assert add(Mailbox(), message("Grüße 🎉")).subject == "Grüße 🎉"


HOSTILE = [
    b"",
    b"\r\n",
    b"no header at all",
    b"Subject: \xff\xfe\r\n\r\n\xff\xfe",
    b"Subject: =?x?y?z?=\r\nTo: =?utf-8?q?=\r\nFrom: <\r\n\r\nx",
    b"Content-Type: text/plain; charset=no-such-charset\r\n\r\nhello \xff",
    b"Content-Type: text/plain; charset=base64\r\n\r\nhello \xff",
    b"Content-Type: text/plain; charset*=\r\n\r\nhello",
    b"Content-Type: multipart/mixed\r\n\r\nno boundary",
    b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n--b--",
    b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
    b"Content-Disposition: attachment; filename*0*=x''%; filename*5=\r\n\r\n",
    b"Message-ID: <\r\nTo: @\r\nCc: ,,,;:\r\nDate: never\r\n\r\n",
    b"Subject: a\0b\r\n\r\n",
]


@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_mail_can_be_looked_at(data: bytes) -> None:
    look_at(add(Mailbox(), data))


@pytest.mark.parametrize("depth", [40, 60, *(pytest.param(depth, marks=pytest.mark.long) for depth in (500, 2000))])
def test_parts_in_parts_without_end_can_be_looked_at(depth: int) -> None:
    data = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
    mail = add(Mailbox(), b"Subject: deep\r\n" + data + b"\r\nbottom\r\n")
    look_at(mail)
    assert mail.subject == "deep"
    assert mail.message.is_multipart() == (depth < 50)
    assert list(mail.message.walk())


FIELDS = st.sampled_from(
    ["To", "From", "Subject", "Content-Type", "Content-Disposition", "Date", "Message-ID", "MIME-Version"]
)
VALUES = st.text("=?\"<>@;:,()[]\\ *%'ab0=/\t", max_size=30).map(str.encode) | st.binary(max_size=20)


@given(st.lists(st.tuples(FIELDS, VALUES), max_size=4), st.binary(max_size=20))
def test_any_mail_can_be_looked_at(fields: list[tuple[str, bytes]], body: bytes) -> None:
    header = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields)
    look_at(add(Mailbox(), header + b"\r\n" + body))


def look_at(mail: CaughtMail) -> None:
    for part in mail.message.walk():
        assert part.is_attachment() in (True, False)
        assert "/" in part.get_content_type()
        assert isinstance(part.get_filename(""), str)
    for name, value in mail.message.items():
        assert isinstance(name + str(value), str)
    mail.text().encode()
    mail.subject.encode()
    assert mail.matches("no such words") is False


def test_a_charset_that_nobody_knows_leaves_what_is_ascii() -> None:
    part = parse(b"Content-Type: text/plain; charset=klingon\r\n\r\nhello \xff\r\n")
    assert text_of(part).startswith("hello ")
