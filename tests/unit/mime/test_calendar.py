"""Invitations: what is taken for one, and how it stands in the message."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import InvalidCalendar
from notifier.mime import Composition, compose, invitation_file, read_calendar
from notifier.mime.calendar import LINE, MAX_CALENDAR, METHODS, fold
from notifier.model.address import Address
from notifier.model.content import Calendar, Content
from notifier.model.envelope import Envelope

EVENT = "BEGIN:VEVENT\nUID:1@shop.example\nDTSTART:20261201T090000Z\nSUMMARY:Talk with Zoë\nEND:VEVENT\n"


def text_of(method: str = "REQUEST", inside: str = EVENT, more: str = "") -> str:
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//shop//EN\nMETHOD:{method}\n{more}{inside}END:VCALENDAR\n"


def message(calendar: Calendar, html: str | None = "<p>Come") -> EmailMessage:
    mail = compose(
        Composition(
            Content("Talk", "Come", html, calendar=calendar),
            sender=Address.parse("shop@example.com"),
            to=[Address.parse("zoe@example.com")],
            message_id="<1@example.com>",
            date=datetime(2026, 11, 28, tzinfo=UTC),
            envelope=Envelope("shop@example.com", ("zoe@example.com",)),
            attachments=[invitation_file(calendar)],
        )
    )
    assert mail.data.isascii()
    return message_from_bytes(mail.data, policy=policy.default)


@pytest.mark.parametrize("html", [None, "<p>Come"])
def test_it_stands_behind_the_others_as_an_alternative_and_once_more_as_a_file(html: str | None) -> None:
    calendar = read_calendar(text_of())
    whole = message(calendar, html)
    types = [part.get_content_type() for part in whole.walk()]
    shown = ["text/plain", "text/html"] if html else ["text/plain"]
    assert types == ["multipart/mixed", "multipart/alternative", *shown, "text/calendar", "application/ics"]
    *_, invitation, file = whole.walk()
    assert dict(invitation["Content-Type"].params) == {"method": "REQUEST", "charset": "utf-8"}
    assert file.get_filename() == "invite.ics"
    for part in (invitation, file):
        assert part.get_payload(decode=True) == calendar.text.encode()


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_parameter_is_the_method_that_stands_in_it(method: str) -> None:
    assert read_calendar(text_of(method)).method == method
    assert read_calendar(text_of(method.lower())).method == method


def test_what_the_icalendar_library_makes_is_taken_and_read_by_it_again() -> None:
    made = icalendar.Calendar()
    made.add("prodid", "-//shop//EN")
    made.add("version", "2.0")
    made.add("method", "REQUEST")
    event = icalendar.Event()
    event.add("summary", "Ünïcode " * 40)
    event.add("dtstart", datetime(2026, 12, 1, 9, tzinfo=UTC))
    event.add("attendee", "MAILTO:zoe@example.com", parameters={"cn": 'Doe: Zoë; of "us"', "rsvp": "TRUE"})
    made.add_component(event)
    read = icalendar.Calendar.from_ical(read_calendar(made).text)
    assert read.walk("VEVENT")[0]["summary"] == event["summary"]
    assert read.to_ical() == made.to_ical()


def test_lines_end_in_crlf_and_are_folded_whatever_they_were() -> None:
    long = text_of(more="X-LONG:" + "ü" * 200 + "\n")
    as_it_goes = read_calendar(long).text
    assert as_it_goes.count("\n") == as_it_goes.count("\r\n")
    assert max(len(line.encode()) for line in as_it_goes.split("\r\n")) <= LINE
    for same in (long.encode(), long.replace("\n", "\r\n"), as_it_goes, as_it_goes.encode() + b"\r\n"):
        assert read_calendar(same).text == as_it_goes


def test_a_fold_in_the_middle_of_a_character_is_undone() -> None:
    octets = text_of().encode()
    split = octets.index("ë".encode()) + 1
    assert read_calendar(octets[:split] + b"\r\n " + octets[split:]) == read_calendar(octets)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_whatever_is_folded_is_the_same_unfolded(line: str) -> None:
    folded = fold(line)
    assert all(len(piece.encode()) <= LINE for piece in folded.split("\r\n"))
    assert folded.replace("\r\n ", "") == line


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=300))
def test_any_value_comes_back(value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    assert f"X-V:{escaped}\r\n" in read_calendar(text_of(more=f"X-V:{escaped}\n")).text.replace("\r\n ", "")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "empty"), (b"\r\n\r\n", "empty"), (7, "not int"), (None, "not NoneType"), (["x"], "not list"),
        ("hello", "line 1"), ("BEGIN:VCALENDAR\n", "no END:VCALENDAR"), (text_of()[:-6], "line 10"),
        (text_of("REQUEST\nMETHOD:CANCEL"), "one METHOD .* not 2"), (text_of().replace("METHOD:REQUEST\n", ""), "not 0"),
        (text_of("SEND"), "METHOD is one of"), (text_of('REQUEST"\r\nX: y'), "METHOD is"), (text_of("REQUEST; x=y"), "METHOD is"),
        (text_of().replace("VERSION:2.0", "VERSION:1.0"), "VERSION is 2.0"), (text_of().replace("PRODID", "X-ID"), "PRODID"),
        (text_of(inside=""), "no component"), (text_of(inside="BEGIN:VEVENT\n"), "line 6: END:VCALENDAR ends nothing"),
        (text_of(inside="END:VEVENT\n"), "line 5"), (text_of() + "X:y\n", "more behind it"), (text_of() * 2, "more behind it"),
        (text_of(inside=text_of()), "stands first"), (text_of(more="\n"), "line 5"), (text_of(more="X-A:a\rb\n"), "line 5"),
        (text_of(more="X-A:a\0b\n"), "line 5"), (text_of(more="X-A\n"), "line 5"), ("BEGIN:VEVENT\nEND:VEVENT\n", "stands first"),
        ("METHOD:REQUEST\n" + text_of(), "begins with"), (text_of().encode("latin-1"), "UTF-8"), (text_of().encode("utf-16"), "UTF-8"),
        ("\ufeff" + text_of(), "line 1"), (text_of(more="X:\ud800\n"), "surrogate"), (text_of(more="X:" + "y" * MAX_CALENDAR), "limit"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_what_is_no_invitation_is_refused_with_the_line_and_the_reason(given: object, why: str) -> None:
    with pytest.raises(InvalidCalendar, match=why):
        read_calendar(given)


def test_an_object_that_makes_nonsense_is_told() -> None:
    class Odd:
        def to_ical(self) -> int:
            return 7

    with pytest.raises(InvalidCalendar, match="to_ical"):
        read_calendar(Odd())
