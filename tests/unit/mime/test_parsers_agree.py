"""What is composed comes back from two parsers that are not ours: the standard library's, and one in Rust (`mailparse`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import fast_mail_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import InvalidAttachment
from notifier.mime import Composition, compose, safe_filename
from notifier.model.address import Address
from notifier.model.content import Attachment, Content, InlineImage
from notifier.model.envelope import Envelope

pytestmark = pytest.mark.unit

# No controls, no halves, no line or paragraph separators; and no blanks but one at a time, which folding may fall on.
WORDS = (
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=90)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
# The standard parser takes these for ends of lines as well.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00"),
    max_size=300,
)


def is_a_name(name: str) -> bool:
    try:
        return safe_filename(name) == name
    except InvalidAttachment:
        return False


NAMES = WORDS.filter(is_a_name)
PEOPLE = st.builds(
    Address,
    st.sampled_from(["a", "first.last", "o'hara+tag", '"quoted local"']),
    st.sampled_from(["x.example", "bücher.example"]),
    st.just("") | WORDS,
)
IMAGES = st.lists(
    st.builds(InlineImage, st.uuids().map(lambda mark: f"{mark}@n"), NAMES, st.just("image/png"), st.binary()),
    max_size=2,
).map(tuple)
FILES = st.lists(st.builds(Attachment, NAMES, st.just("application/pdf"), st.binary()), max_size=2)
MAILS = st.fixed_dictionaries(
    {
        "content": st.builds(Content, WORDS, TEXTS, st.none() | TEXTS, IMAGES),
        "sender": PEOPLE,
        "to": st.lists(PEOPLE, min_size=1, max_size=3),
        "cc": st.lists(PEOPLE, max_size=2),
        "headers": st.dictionaries(st.sampled_from(["X-Campaign", "Feedback-ID"]), WORDS),
        "attachments": FILES,
    }
)


def octets_of(mail: dict[str, object]) -> bytes:
    return compose(
        Composition(
            **mail,  # type: ignore[arg-type]
            message_id="<1@x.example>",
            date=datetime(2026, 11, 28, 12, 0, tzinfo=UTC),
            envelope=Envelope("a@x.example", ("b@x.example",)),
        )
    ).data


def closed_up(text: str | None) -> str:
    """Without blanks: before 3.12 the standard parser puts one between encoded words, where RFC 2047 section 6.2 has none."""
    return "".join((text or "").split())


def people(mailboxes: Sequence[Address]) -> list[tuple[str, str]]:
    return [(closed_up(one.display_name), one.forward_path) for one in mailboxes]


def lines(text: str | None) -> bytes | None:
    if text is None:
        return None
    return (text if text.endswith("\n") else text + "\n").encode().replace(b"\n", b"\r\n")


def files(mail: dict[str, object]) -> list[tuple[str, bytes]]:
    content: Content = mail["content"]  # type: ignore[assignment]
    attachments: list[Attachment] = mail["attachments"]  # type: ignore[assignment]
    images = content.inline_images if content.html is not None else ()
    return [(closed_up(one.filename), one.data) for one in (*images, *attachments)]


@given(MAILS)
def test_the_standard_parser_reads_what_went_in(mail: dict[str, object]) -> None:
    content: Content = mail["content"]  # type: ignore[assignment]
    message = message_from_bytes(octets_of(mail), policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not [defect for part in message.walk() for defect in part.defects]
    assert closed_up(str(message["Subject"])) == closed_up(content.subject)
    for name, given_ in (("From", [mail["sender"]]), ("To", mail["to"]), ("Cc", mail["cc"])):
        found = message[name].addresses if message[name] is not None else ()
        assert [(closed_up(one.display_name), one.addr_spec) for one in found] == people(given_)  # type: ignore[arg-type]
    for name, value in mail["headers"].items():  # type: ignore[attr-defined]
        assert closed_up(str(message[name])) == closed_up(value)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    texts = [part.get_payload(decode=True) for part in leaves if part.get_content_maintype() == "text"]
    assert texts == [one for one in (lines(content.text), lines(content.html)) if one is not None]
    others = [part for part in leaves if part.get_content_maintype() != "text"]
    # `get_filename` takes angle brackets off, as if a name were an address: `<1>.pdf` stays, `<1>` becomes `1`.
    names = [part["Content-Disposition"].params["filename"] for part in others]
    found = [(closed_up(name), part.get_payload(decode=True)) for name, part in zip(names, others, strict=True)]
    assert found == files(mail)


def nodes(part: fast_mail_parser.PyMimePart) -> Iterator[fast_mail_parser.PyMimePart]:
    yield part
    for child in part.children:
        yield from nodes(child)


@given(MAILS)
def test_the_other_parser_reads_what_went_in(mail: dict[str, object]) -> None:
    content: Content = mail["content"]  # type: ignore[assignment]
    octets = octets_of(mail)
    message = fast_mail_parser.parse_email(octets)
    assert message.subject == content.subject
    for found, given_ in ((message.to, mail["to"]), (message.cc, mail["cc"])):
        if not any('"' in one.local_part for one in given_):  # type: ignore[attr-defined]  # which it cannot read
            assert [(closed_up(one.display_name), one.address) for one in found] == people(given_)  # type: ignore[arg-type]
    for name, value in mail["headers"].items():  # type: ignore[attr-defined]
        assert message.headers[name] == [value]
    leaves = [part for part in nodes(fast_mail_parser.parse_email_tree(octets)) if not part.children]
    texts = [part.content for part in leaves if part.content_type.startswith("text/")]
    assert texts == [one for one in (lines(content.text), lines(content.html)) if one is not None]
    others = [part for part in leaves if not part.content_type.startswith("text/")]
    assert [(closed_up(part.filename), part.content) for part in others] == files(mail)
