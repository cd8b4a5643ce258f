from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import InvalidAttachment, InvalidHeader, InvalidMail
from notifier.mime import Composition, check_headers, compose, safe_filename
from notifier.mime import headers as fields
from notifier.model.address import Address
from notifier.model.content import Attachment, Content, InlineImage
from notifier.model.envelope import Envelope, MailObject

ME = Address.parse("Zoë <zoe@example.com>")
WHEN = datetime(2026, 11, 3, 9, 5, 7, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
ENVELOPE = Envelope("zoe@example.com", ("a@example.com",))

# What a subject or a name may hold: no controls, no halves, no line or paragraph separators.
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=120)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00")
)


def composed(content: Content | None = None, **more: object) -> MailObject:
    arguments: dict[str, object] = {
        "sender": ME,
        "to": [Address.parse("a@example.com")],
        "message_id": "<1@example.com>",
        "date": WHEN,
        "envelope": ENVELOPE,
        **more,
    }
    return compose(Composition(content or Content("Hi", "hello\n"), **arguments))  # type: ignore[arg-type]


def parsed(mail: MailObject) -> EmailMessage:
    message = message_from_bytes(mail.data, policy=policy.default)
    assert not [defect for part in message.walk() for defect in part.defects]
    return message


def assert_sound(mail: MailObject) -> None:
    assert b"\r" not in mail.data.replace(b"\r\n", b"")
    assert b"\n" not in mail.data.replace(b"\r\n", b"")
    assert max(map(len, mail.data.split(b"\r\n"))) <= 998
    assert mail.data.isascii()


@given(WORDS)
def test_any_subject_comes_back_as_it_was(subject: str) -> None:
    subject = " ".join(subject.split(" ")).strip()
    if not subject:
        return
    mail = composed(Content(subject, "x"))
    assert_sound(mail)
    assert str(parsed(mail)["Subject"]) == subject
    head = mail.data.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n") if b"=?" in line or b" " in line[1:])


@given(WORDS)
def test_any_display_name_comes_back_and_the_address_stays(name: str) -> None:
    name = " ".join(name.split())
    if not name:
        return
    mail = composed(to=[Address("a", "example.com", name)])
    assert_sound(mail)
    (mailbox,) = parsed(mail)["To"].addresses
    # Blanks apart: before 3.12 the standard parser puts one between encoded words, where RFC 2047 section 6.2 has none.
    assert ("".join(mailbox.display_name.split()), mailbox.addr_spec) == ("".join(name.split()), "a@example.com")


@pytest.mark.parametrize("name", ["\\" * 900, '"' * 900, 'a"' * 450])
def test_a_name_that_is_quoted_throughout_makes_no_line_too_long(name: str) -> None:
    mail = composed(to=[Address("a", "example.com", name)])
    assert_sound(mail)
    (mailbox,) = parsed(mail)["To"].addresses
    assert ("".join(mailbox.display_name.split()), mailbox.addr_spec) == (name, "a@example.com")


@given(TEXTS)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    mail = composed(Content("Hi", text, html=f"<p>{text}"))
    assert_sound(mail)
    wanted = text if text.endswith("\n") else text + "\n"
    message = parsed(mail)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == wanted
    assert html.get_content().replace("\r\n", "\n") == f"<p>{wanted}"


@given(st.binary(max_size=400), WORDS)
def test_any_attachment_comes_back_octet_for_octet(data: bytes, name: str) -> None:
    try:
        safe_filename(name)
    except InvalidAttachment:
        return
    mail = composed(attachments=[Attachment(name, "application/pdf", data)])
    assert_sound(mail)
    (part,) = parsed(mail).iter_attachments()
    assert part.get_payload(decode=True) == data
    assert " ".join((part.get_filename() or "").split()) == " ".join(name.split())


def test_the_tree_is_mixed_alternative_related() -> None:
    content = Content("Hi", "text", "<img src='cid:x@y'>", (InlineImage("x@y", "logo.png", "image/png", b"png"),))
    message = parsed(composed(content, attachments=[Attachment("a.pdf", "application/pdf", b"pdf")]))
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]


def test_the_same_mail_is_the_same_octets() -> None:
    assert composed(Content("Hi", "x", "<p>y")) == composed(Content("Hi", "x", "<p>y"))


def test_a_boundary_that_stands_in_the_text_is_not_used() -> None:
    first = composed(Content("Hi", "x", "<p>y"))
    boundary = parsed(first).get_boundary()
    second = composed(Content("Hi", f"x\n--{boundary}--\n", "<p>y"))
    assert parsed(second).get_boundary() != boundary
    assert len(list(parsed(second).walk())) == 3


def test_date_and_headers_are_the_fields_own_forms() -> None:
    message = parsed(composed(headers={"X-Campaign": "autumn"}, reply_to=[ME], cc=[ME]))
    assert message["Date"].datetime == WHEN
    assert str(message["Date"]) == "Tue, 03 Nov 2026 09:05:07 -0330"
    assert (message["X-Campaign"], message["Auto-Submitted"], message["MIME-Version"]) == (
        "autumn",
        "auto-generated",
        "1.0",
    )
    assert [str(message[name]) for name in ("Reply-To", "Cc")] == ["Zoë <zoe@example.com>"] * 2


def test_domains_are_a_labels_and_only_a_local_part_makes_the_header_utf8() -> None:
    mail = composed(to=[Address.parse("a@bücher.example")])
    assert (mail.smtputf8, b"a@xn--bcher-kva.example" in mail.data) == (False, True)
    utf8 = composed(to=[Address.parse("ü@bücher.example")])
    assert utf8.smtputf8
    assert "ü@bücher.example" in str(message_from_string(utf8.data.decode(), policy=policy.default)["To"])


def test_nobody_to_show_is_undisclosed() -> None:
    assert b"To: undisclosed-recipients:;\r\n" in composed(to=[]).data


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "b\r\nBcc: c@d.e"}, {"X-A": "trailing\n"}, {"X-A": "a\x00b"}, {"X-A": "a\x1bb"}, {"X-A": "a\x7fb"},
        {"X-A": "a\u2028b"}, {"X-A": "a\x85b"}, {"X-A\r\nBcc": "x"}, {"X A": "x"}, {"X:A": "x"}, {"": "x"}, {"X-Ä": "x"},
        {"Bcc": "x"}, {"Return-Path": "x"}, {"Received": "x"}, {"DKIM-Signature": "x"}, {"MIME-Version": "x"},
        {"content-transfer-encoding": "x"}, {"From": "x"}, {"subject": "x"}, {"X-A": "1", "x-a": "2"}, {"X-A": ["x"]},
        {"X-A": "x" * 20_000}, {f"X-{n}": "x" for n in range(200)}, {"X-A": "\ud800"},
    ],
)  # fmt: skip
def test_no_header_can_break_or_forge_another(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidHeader):
        check_headers(headers)
    with pytest.raises(InvalidHeader):
        composed(headers=headers)


@pytest.mark.parametrize(
    ("value", "brackets"),
    [
        ("Neuigkeiten für alle <news.shop.example>", " <news.shop.example>"),
        ("für <a> alle <news.shop.example>", None),
        ("für alle <news .example>", None),
        ("Zoë <zoe@bücher.example>", None),
        ("<news.shop.example>", "<news.shop.example>"),
    ],
)
def test_the_brackets_of_a_list_id_are_not_encoded(value: str, brackets: str | None) -> None:
    mail = composed(headers={"List-Id": value})
    assert_sound(mail)
    line = next(line for line in mail.data.decode().split("\r\n") if line.startswith("List-Id:"))
    assert line.endswith(brackets if brackets is not None else "?=")
    assert str(parsed(mail)["List-Id"]) == value


def test_text_that_looks_like_an_encoded_word_stays_text() -> None:
    subject = "=?UTF-8?Q?=0A?=Bcc: x"
    assert str(parsed(composed(Content(subject, "x")))["Subject"]) == subject


@pytest.mark.parametrize("value", ["", "  "])
def test_a_field_that_says_nothing_holds_no_encoded_word(value: str) -> None:
    mail = composed(headers={"X-Empty": value})
    assert b"\r\nX-Empty:\r\n" in mail.data
    assert parsed(mail)["X-Empty"] == ""


def test_a_long_token_becomes_encoded_words() -> None:
    mail = composed(Content("x" * 2000, "x"))
    assert_sound(mail)
    assert str(parsed(mail)["Subject"]) == "x" * 2000


def test_an_emoji_is_never_split() -> None:
    mail = composed(Content("👩‍👩‍👧‍👦🎉" * 20, "x"))
    head = mail.data.partition(b"\r\n\r\n")[0].decode()
    assert all(len(word) <= 75 for word in head.split() if word.startswith("=?"))
    assert str(parsed(mail)["Subject"]) == "👩‍👩‍👧‍👦🎉" * 20


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\\b", "", ".", "..", "a\r\nb", "a\x00", "a\u202egpj.exe", "x" * 300, 7]
)
def test_no_filename_leads_elsewhere(name: object) -> None:
    with pytest.raises(InvalidAttachment):
        safe_filename(name)


@pytest.mark.parametrize("content_type", ["text/html\r\nX: y", "multipart/x", "pdf", "", "text/html; x=y"])
def test_no_content_type_adds_a_field(content_type: str) -> None:
    with pytest.raises(InvalidAttachment):
        composed(attachments=[Attachment("a", content_type, b"")])


def test_two_images_have_two_content_ids() -> None:
    images = tuple(InlineImage("x@y", name, "image/png", b"png") for name in ("a.png", "b.png"))
    with pytest.raises(InvalidHeader, match="one Content-ID"):
        composed(Content("Hi", "text", "<img src='cid:x@y'>", images))


def test_a_content_id_adds_no_field() -> None:
    content = Content("Hi", "x", "<p>", (InlineImage("x>\r\nBcc: y", "a.png", "image/png", b""),))
    with pytest.raises(InvalidHeader):
        composed(content)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidMail, match="half of a surrogate pair"):
        composed(Content("Hi", "\ud800"))


@pytest.mark.parametrize("value", ["<a@b>\r\nBcc: x", "a@b", "<a b@c>", "<a@b"])
def test_a_message_id_is_checked(value: str) -> None:
    with pytest.raises(InvalidHeader):
        composed(message_id=value)


def test_a_date_needs_its_zone() -> None:
    with pytest.raises(InvalidHeader, match="zone"):
        composed(date=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    assert b"+0000" in composed(date=datetime(2026, 1, 1, tzinfo=UTC)).data


@given(st.text(st.sampled_from("ab =?-\t"), max_size=90))
def test_a_field_of_one_line_is_what_folding_makes_of_it(value: str) -> None:
    stripped = value.strip()
    if stripped and stripped.isprintable() and fields._fits_as_it_is(stripped):
        assert fields.unstructured("X-Field", stripped) == fields._folded("X-Field", stripped.split(" "), "")


def test_mails_of_one_second_have_a_date_that_was_written_once() -> None:
    fields._date.cache_clear()
    moment = datetime(2026, 11, 30, 6, 30, 5, tzinfo=UTC)
    written = {fields.date(moment.replace(microsecond=one)) for one in (0, 1, 999_999)}
    assert written == {"Date: Mon, 30 Nov 2026 06:30:05 +0000\r\n"}
    assert fields._date.cache_info().misses == 1
