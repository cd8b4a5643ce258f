"""The compiled composer is the plain one, to the octet, whatever it has seen before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import InvalidHeader
from notifier.mime import Composition, compose
from notifier.mime.compiled import MAX_FORMS, Compositor, Kind, form_of
from notifier.mime.compose import boundary_token
from notifier.model.address import Address
from notifier.model.content import Attachment, Calendar, Content, InlineImage
from notifier.model.envelope import Envelope

pytestmark = pytest.mark.unit

WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60)
LINES = st.sampled_from(["", ".", "..", "a line", "Grüße aus Köln = schön", "x" * 80, "trailing ", "日本語の行", "\t"])
TEXTS = st.one_of(
    st.lists(LINES, max_size=12).map("\n".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.just("x" * 1500),
)
PEOPLE = st.builds(Address, st.sampled_from(["a", "b.c", "ü"]), st.sampled_from(["x.example", "bücher.example"]), WORDS)
IMAGES = st.lists(
    st.builds(InlineImage, st.sampled_from(["1@n", "2@n"]), st.just("a.png"), st.just("image/png"), st.binary()),
    max_size=2,
    unique_by=lambda image: image.content_id,
).map(tuple)
CALENDARS = st.builds(Calendar, st.sampled_from(["REQUEST", "CANCEL"]), TEXTS)
CONTENTS = st.builds(
    Content, WORDS.map(lambda words: f"x{words}"), TEXTS, st.none() | TEXTS, IMAGES, st.none() | CALENDARS
)
FILES = st.lists(
    st.builds(
        Attachment,
        st.sampled_from(["a.pdf", "Ünïcode.txt", "b.eml"]),
        st.sampled_from(["application/pdf", "message/rfc822"]),
        st.binary(max_size=200) | st.just(b"Subject: x\r\n\r\n--=_alt_\r\n"),
    ),
    max_size=3,
)
CALLS = st.fixed_dictionaries(
    {
        "content": CONTENTS,
        "sender": PEOPLE,
        "to": st.lists(PEOPLE, max_size=3),
        "cc": st.lists(PEOPLE, max_size=2),
        "reply_to": st.lists(PEOPLE, max_size=2),
        "headers": st.dictionaries(st.sampled_from(["X-A", "Feedback-ID"]), WORDS)
        | st.just({"auto-submitted": "auto-replied"}),
        "attachments": FILES,
        "message_id": st.sampled_from(["<1@x.example>", "<2@x.example>"]),
        "date": st.datetimes(timezones=st.just(UTC)),
        "envelope": st.just(Envelope("a@x.example", ("b@x.example",))),
    }
)


@pytest.mark.long
@given(st.lists(CALLS, min_size=1, max_size=4))
def test_whatever_was_composed_before_the_octets_are_the_plain_composers(calls: list[dict[str, object]]) -> None:
    compositor = Compositor()
    for call in [*calls, *calls, *calls]:  # files are kept from the second time on
        assert compositor.compose(Composition(**call)) == compose(Composition(**call))  # type: ignore[arg-type]


def a_call(**more: object) -> dict[str, object]:
    return {
        "content": Content("Hi", "hello\n", "<p>hello\n"),
        "sender": Address.parse("a@x.example"),
        "to": [Address.parse("b@x.example")],
        "message_id": "<1@x.example>",
        "date": datetime(2026, 11, 28, tzinfo=UTC),
        "envelope": Envelope("a@x.example", ("b@x.example",)),
        **more,
    }


def test_a_text_that_holds_the_boundary_is_left_to_the_plain_composer() -> None:
    boundary = f"--=_alt_{boundary_token('<1@x.example>')}"
    call = a_call(content=Content("Hi", f"{boundary}\n", "<p>hello\n"))
    mail = Compositor().compose(Composition(**call))  # type: ignore[arg-type]
    assert mail == compose(Composition(**call))  # type: ignore[arg-type]
    assert mail.data.count(boundary.encode() + b"\r\n") == 1


def test_an_address_that_looks_like_the_samples_boundary_stays_as_it_is() -> None:
    token = boundary_token("<id@place.example>")
    for people in ({"sender": Address(token, "x.example")}, {"reply_to": [Address("a", "x.example", token)]}):
        call = a_call(**people)
        assert Compositor().compose(Composition(**call)) == compose(Composition(**call))  # type: ignore[arg-type]


@pytest.mark.parametrize("images", [0, 1, 12])
@pytest.mark.parametrize("attachments", [0, 1, 12])
@pytest.mark.parametrize("calendar", [False, True])
@pytest.mark.parametrize("html", [False, True])
def test_every_kind_of_mail_has_a_form(html: bool, calendar: bool, images: int, attachments: int) -> None:
    kind = Kind(Address.parse("a@x.example"), (), html, images if html else 0, calendar, attachments)
    assert form_of(kind) is not None


def test_two_images_with_one_content_id_are_refused_as_by_the_plain_composer() -> None:
    twice = (InlineImage("1@n", "a.png", "image/png", b"a"), InlineImage("1@n", "b.png", "image/png", b"b"))
    with pytest.raises(InvalidHeader, match="one Content-ID"):
        Compositor().compose(Composition(**a_call(content=Content("Hi", "x", "<p>", twice))))  # type: ignore[arg-type]


def test_the_forms_of_many_senders_do_not_pile_up() -> None:
    compositor = Compositor()
    for number in range(MAX_FORMS + 10):
        compositor.compose(Composition(**a_call(sender=Address("a", "x.example", f"Sender {number}"))))  # type: ignore[arg-type]
    assert len(compositor._forms) <= MAX_FORMS


def test_what_the_plain_composer_refuses_is_refused() -> None:
    with pytest.raises(InvalidHeader, match="Bcc"):
        Compositor().compose(Composition(**a_call(headers={"Bcc": "x"})))  # type: ignore[arg-type]
