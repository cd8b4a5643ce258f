from __future__ import annotations

import base64

import pytest
from delivery_reports import ENVELOPE_ID, HEADERS_ONLY, MAIL_ID, POSTFIX, WHOLE, recipient, report
from hypothesis import given
from hypothesis import strategies as st
from returned_mails import ARF, AWAY, EXCHANGE, EXIM, QMAIL, READ, TOKEN, ZOE

from notifier.bounces.reading import read_report
from notifier.bounces.report import Action, Kind, Report

SIGNED = f"{MAIL_ID}.{'b' * 16}"


def told(found: Report) -> list[tuple[str, Action, str]]:
    return [(one.addresses[0], one.action, one.status) for one in found.recipients]


def exchange(status: str, to: str = "bounce@shop.example", token: str = TOKEN) -> bytes:
    fields = f"Reporting-MTA: dns;EX1.corp.example\r\n\r\n{status}".encode()
    return EXCHANGE.format(to=to, token=token, status=base64.encodebytes(fields).decode().strip()).encode()


def arf(kind: str = "abuse", who: str = f"Original-Rcpt-To: <{ZOE}>\n") -> bytes:
    return ARF.format(to="fbl@shop.example", token=TOKEN, kind=kind, recipient=who).encode()


# bounces ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["failed", "Failed ", "FAILED (bad destination)"])
def test_a_dsn_says_what_became_of_each_recipient(word: str) -> None:
    found = read_report(report(recipient(word), recipient("delayed", "bob@example.org", "")))
    assert found.kind is Kind.DELIVERY
    assert told(found) == [(ZOE, Action.FAILED, "5.1.1"), ("bob@example.org", Action.DELAYED, "5.1.1")]
    assert found.recipients[0].addresses == (ZOE, "zoe@mailbox.example")  # first as we had given him
    assert found.recipients[0].words == "smtp; 550 5.1.1 No such user"


def test_an_action_that_nobody_knows_says_nothing() -> None:
    assert read_report(report(recipient("pondered"))).recipients == ()


@pytest.mark.parametrize("returned", [HEADERS_ONLY, WHOLE])
def test_the_mail_is_named_by_its_envid_and_by_the_message_id_of_what_is_returned(returned: str) -> None:
    assert read_report(report(recipient("failed"), envelope_id="", returned=returned)).mail_ids == (MAIL_ID,)
    assert read_report(report(recipient("failed"), returned="Content-Type: text/plain\n\n")).mail_ids == (MAIL_ID,)


def test_a_report_about_a_report_is_not_about_us() -> None:
    """Its own Message-ID is the relay's, whatever that looks like."""
    own = POSTFIX.replace("20261125193445.5E6F7A", MAIL_ID)
    octets = own.format(envelope_id="", recipients=recipient("failed"), returned="Content-Type: text/plain\n\nHello\n")
    assert read_report(octets.encode()).mail_ids == ()


def test_exchanges_parts_in_parts_and_base64_are_read() -> None:
    found = read_report(exchange("Final-recipient: RFC822;zoe@example.com\r\nAction: failed\r\nStatus: 5.1.10\r\n"))
    assert told(found) == [(ZOE, Action.FAILED, "5.1.10")]


def test_where_the_action_is_missing_the_status_stands_for_it() -> None:
    assert told(read_report(exchange("Final-Recipient: rfc822;zoe@example.com\r\nStatus: 4.4.7\r\n"))) == [
        (ZOE, Action.DELAYED, "4.4.7")
    ]


def test_where_the_status_is_missing_or_says_nothing_the_servers_words_stand_for_it() -> None:
    fields = "Final-Recipient: rfc822;zoe@example.com\r\nAction: failed\r\n{}Diagnostic-Code: smtp; {}\r\n"
    for status, words, expected in (
        ("", "550 5.2.2 over quota", "5.2.2"),
        ("Status: 5.0.0\r\n", "550-5.1.1 The email account does not exist", "5.1.1"),
        ("Status: 5.0.0\r\n", "550 User unknown", "5.1.1"),
        ("", "552 mailbox full", "5.2.2"),
        ("", "554 blocked: spam", "5.7.1"),
        ("", "550 rejected", "5.0.0"),
        ("", "something", ""),
    ):
        assert read_report(exchange(fields.format(status, words))).recipients[0].status == expected, words


def test_recipients_without_a_blank_line_between_them_are_two() -> None:
    one = "Final-Recipient: rfc822;{}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    found = read_report(exchange(one.format(ZOE) + one.format("bob@example.com")))
    assert [address for address, *_ in told(found)] == [ZOE, "bob@example.com"]


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("Original-Recipient: utf-8; zo\\x{EB}@example.com", "zoë@example.com"),  # RFC 6533 section 3
        ("Original-Recipient: utf-8; zoë@example.com", "zoë@example.com"),
        ("Original-Recipient: rfc822;zoe+2Bnews@example.com", "zoe+news@example.com"),  # xtext, RFC 3461 section 4
        ("Final-Recipient: RFC822; <Zoe+News@Example.com>", "zoe+news@example.com"),
        ('Final-Recipient: rfc822;"z o"@example.com', '"z o"@example.com'),
        ("Final-Recipient: zoe@example.com", ZOE),
    ],
)
def test_an_address_is_read_in_whichever_way_it_is_written(field: str, address: str) -> None:
    (found,) = read_report(exchange(f"{field}\r\nAction: failed\r\nStatus: 5.1.1\r\n")).recipients
    assert address in found.addresses


def test_the_parts_of_internationalized_mail_are_read() -> None:
    octets = report(recipient("failed"), returned=HEADERS_ONLY.replace("text/rfc822-headers", "message/global-headers"))
    octets = octets.replace(b"message/delivery-status", b"message/global-delivery-status")
    found = read_report(octets)
    assert (told(found), found.mail_ids) == ([(ZOE, Action.FAILED, "5.1.1")], (MAIL_ID,))


@pytest.mark.parametrize(
    "boundary", ['boundary="4F1A2B3C4D.1764099285/mx1.example.net"', "report-type=delivery-status"]
)
def test_fields_in_the_midst_of_a_text_are_read_where_the_parts_are_broken(boundary: str) -> None:
    octets = report(recipient("failed")).replace(b'boundary="4F1A2B3C4D.1764099285/mx1.example.net"', boundary.encode())
    assert told(read_report(octets))[0] == (ZOE, Action.FAILED, "5.1.1")


def test_a_report_that_was_cut_says_what_it_had_said_before() -> None:
    octets = report(recipient("failed"))
    assert told(read_report(octets[: octets.index(b"Diagnostic-Code")])) == [(ZOE, Action.FAILED, "5.1.1")]


@pytest.mark.parametrize(
    ("said", "status"),
    [("550 5.1.1 No such user here", "5.1.1"), ("550 mailbox is full", "5.2.2"), ("554 no", "5.0.0")],
)
def test_exims_prose_is_read_with_the_address_that_its_field_names(said: str, status: str) -> None:
    found = read_report(EXIM.format(token=TOKEN, said=said).encode())
    assert told(found) == [(ZOE, Action.FAILED, status)]  # and not bob, who stands in the returned message
    assert (found.tokens, found.mail_ids) == ((TOKEN,), (MAIL_ID,))


def test_exims_warning_is_no_failure() -> None:
    late = EXIM.replace("Mail delivery failed: returning message to sender", "Warning: message 1abc delayed 24 hours")
    assert told(read_report(late.format(token=TOKEN, said="451 4.7.1 later").encode()))[0][1] is Action.DELAYED


def test_qmails_prose_has_a_paragraph_for_each() -> None:
    found = read_report(QMAIL.format(token=TOKEN).encode())
    assert told(found) == [(ZOE, Action.FAILED, "5.1.1"), ("bob@example.com", Action.FAILED, "5.2.2")]
    assert (found.tokens, found.mail_ids) == ((TOKEN,), (MAIL_ID,))


# whose it is --------------------------------------------------------------------------------------------------------


def test_tokens_are_found_wherever_servers_write_the_reverse_path() -> None:
    by_field = read_report(
        exchange("", to=f"Shop <bounce+{'c' * 42}@shop.example>"), to=f"bounce+{'d' * 42}@shop.example"
    )
    assert by_field.tokens == ("d" * 42, "c" * 42, TOKEN)
    by_envid = read_report(report(recipient("failed"), envelope_id=ENVELOPE_ID.replace(MAIL_ID, SIGNED.upper())))
    assert by_envid.tokens == (SIGNED,)
    assert read_report(arf()).tokens == (TOKEN,)


def test_the_same_report_has_the_same_digest_whatever_was_put_before_it() -> None:
    octets = report(recipient("failed"))
    assert read_report(octets).digest == read_report(b"Received: from elsewhere\r\n" + octets).digest
    assert read_report(b"Subject: a\r\n\r\n").digest != read_report(b"Subject: b\r\n\r\n").digest


# complaints and the rest --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("abuse", Kind.ABUSE),
        ("Fraud", Kind.ABUSE),
        ("opt-out", Kind.OPT_OUT),
        ("not-spam", Kind.FEEDBACK),
        ("auth-failure", Kind.FEEDBACK),
        ("", Kind.FEEDBACK),
    ],
)
def test_a_complaint_is_told_from_other_feedback(kind: str, expected: Kind) -> None:
    found = read_report(arf(kind))
    assert found.kind is expected
    assert found.recipients[0].addresses == (ZOE,)


def test_a_provider_need_not_say_who_complains() -> None:
    found = read_report(arf(who=""))
    assert (found.kind, found.recipients) == (Kind.ABUSE, ())


@pytest.mark.parametrize("field", ["Auto-Submitted: auto-replied (vacation)", "X-Autoreply: yes", "Precedence: bulk"])
def test_an_automatic_reply_is_no_bounce(field: str) -> None:
    octets = AWAY.format(token=TOKEN).replace("Auto-Submitted: auto-replied (vacation)", field).encode()
    found = read_report(octets)
    assert (found.kind, found.recipients) == (Kind.AUTO_REPLY, ())


def test_a_postmaster_who_is_away_is_no_bounce() -> None:
    octets = AWAY.format(token=TOKEN).replace("Zoe <zoe@", "Postmaster <postmaster@").replace("550 5.1.1", "12")
    assert read_report(octets.encode()).kind is Kind.AUTO_REPLY


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("Away until Monday", "I am away. My desk is 412, or call 555 1234."),
        ("Automatic reply: Your delivery status", "I am away until Monday."),  # with the subject of our own mail
        (
            "Confirm your mail to zoe@example.com",
            "Your mail is blocked as spam until you have confirmed that you sent it.",
        ),
        ("Your message could not be delivered yet", "Mail delivery waits: prove that you are no machine."),
    ],
)
@pytest.mark.parametrize("field", ["Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All", "Precedence: bulk"])
def test_an_automatic_reply_with_a_null_reverse_path_is_no_bounce(subject: str, says: str, field: str) -> None:
    """RFC 3834 section 3.3 asks for that path. The words of a person, or of our own mail, are no server's."""
    octets = f"Return-Path: <>\nFrom: Zoe <zoe@example.com>\nTo: b+{TOKEN}@shop.example\nSubject: {subject}\n{field}\n\n{says}\n"
    assert (read_report(octets.encode()).kind, read_report(octets.encode()).recipients) == (Kind.AUTO_REPLY, ())


def test_what_a_person_answers_is_no_bounce() -> None:
    octets = AWAY.format(token=TOKEN).replace("Auto-Submitted: auto-replied (vacation)\n", "")
    octets = octets.replace("Away until Monday", "Antw: Your delivery status")  # in whatever language of theirs
    assert read_report(octets.encode()).kind is Kind.OTHER


@pytest.mark.parametrize("sender", ["Zoe <zoe@example.com>", "MAILER-DAEMON@example.com"])
def test_a_receipt_is_no_bounce(sender: str) -> None:
    """RFC 8098: it has been shown to somebody, or deleted unread."""
    assert read_report(READ.format(sender=sender, token=TOKEN).encode()).kind is Kind.AUTO_REPLY


def test_a_servers_words_hold_no_controls() -> None:
    fields = (
        "Final-Recipient: rfc822;a@b\r\nAction: failed\r\nDiagnostic-Code: smtp; \x1b[31m550\x00 no\t\tsuch user\r\n"
    )
    assert read_report(exchange(fields)).recipients[0].words == "smtp; [31m550 no such user"


@pytest.mark.parametrize(
    "octets", [b"", b"\r\n\r\n", b"Subject: Re: Undelivered mail\r\n\r\nWhat is this?\r\n", b"\xff\x00" * 500]
)
def test_what_is_none_of_these_is_nothing(octets: bytes) -> None:
    assert read_report(octets).kind is Kind.OTHER


# strangers ----------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(line + b"\r\n" for line in report(recipient("failed")).split(b"\r\n")[:60]),
        *(line.encode() + b"\n" for text in (EXIM, QMAIL, ARF) for line in text.split("\n")[:40]),
        b"\r\n",
        b"--",
        b"=",
        b"\x00",
        b"\xff",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Content-Type: multipart/mixed; boundary=\r\n",
        b"utf-8; \\x{110000}\\x{D800}\\x{FFFFFF}@a\r\n",
    ]
)


@pytest.mark.long
@given(st.one_of(st.binary(max_size=2000), st.lists(PIECES, max_size=80).map(b"".join)), st.text(max_size=100))
def test_whatever_comes_it_raises_nothing(octets: bytes, to: str) -> None:
    found = read_report(octets, to=to)
    assert len(found.recipients) <= 100
    assert len(found.tokens) <= 20


HOSTILE = {
    "parts in parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(20_000)
    ),
    "one boundary many times": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 200_000,
    "nearly a boundary": b"Content-Type: multipart/mixed; boundary=b\n\n" + (b"--b" + b" " * 79 + b"x\n") * 12_000,
    "many fields": b"a: b\n" * 200_000,
    "one long field": b"Subject: " + b"x " * 500_000,
    "folded without end": b"Subject: x\n" + b" y\n" * 300_000,
    "many recipients": b"Content-Type: message/delivery-status\n\n"
    + b"Final-Recipient: rfc822;a@b\nStatus: 5.1.1\n\n" * 20_000,
    "prose of addresses": b"From: mailer-daemon\n\n" + b"a@b " * 250_000,
    "prose of at signs": b"From: mailer-daemon\n\n" + b"@" * 1_000_000,
    "prose of letters": b"From: mailer-daemon\n\n" + b"a" * 1_000_000,
    "prose of user": b"From: mailer-daemon\nX-Failed-Recipients: a@b\n\n" + b"user " * 200_000,
    "qmail's paragraphs": b"From: mailer-daemon\n\nHi. This is the\n\n" + b"<a@b>:\n" * 150_000,
    "copies of copies": b"From: mailer-daemon\n\n" + b"-" * 1_000_000,
    "base64": b"Content-Transfer-Encoding: base64\nFrom: mailer-daemon\n\n" + b"QUFB" * 250_000,
    "quoted": b"Content-Transfer-Encoding: quoted-printable\nFrom: mailer-daemon\n\n" + b"=41" * 300_000,
    "plus signs": b"To: " + b"+" * 1_000_000,
}


@pytest.mark.timeout(60)  # a hundred times what it takes; what grows with the square takes hours
@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_anything_comes_to_its_end(name: str) -> None:
    found = read_report(HOSTILE[name])
    assert len(found.recipients) <= 100
