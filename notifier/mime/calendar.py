"""Calendar invitations: iCalendar (RFC 5545) that is checked, laid out anew and told by its method (RFC 5546, RFC 6047)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from notifier.errors import InvalidCalendar
from notifier.model.content import Attachment, Calendar

LINE = 75  # octets of a line without its end, RFC 5545 section 3.1
MAX_CALENDAR = 2**20  # octets
METHODS = frozenset({"PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER"})

_FOLD = re.compile(rb"\n[ \t]")
_CONTENT_LINE = re.compile(r"([A-Za-z0-9-]+)(?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?:(.*)\Z", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_REQUIRED = ("METHOD", "PRODID", "VERSION")  # of the calendar itself; RFC 5545 sections 3.6 and 3.7


def read_calendar(given: object) -> Calendar:
    """An invitation from text, octets, or an object with ``to_ical()`` (such as the ``icalendar`` library's).

    Lines end in CRLF and are folded at 75 octets, whatever they were before. Raises `InvalidCalendar`.
    """
    lines = _unfolded(_octets(given))
    if not lines:
        raise InvalidCalendar("the calendar is empty")
    properties = _properties(lines)
    return Calendar(_method(properties), "".join(f"{fold(line)}\r\n" for line in lines))


def invitation_file(calendar: Calendar) -> Attachment:
    """The same as a file, for programs that take an invitation from there alone (older Outlook)."""
    return Attachment("invite.ics", "application/ics", calendar.text.encode())


def _octets(given: object) -> bytes:
    if callable(to_ical := getattr(given, "to_ical", None)):
        given = to_ical()
    try:
        octets = given.encode() if isinstance(given, str) else given
    except UnicodeEncodeError:
        raise InvalidCalendar("the calendar holds half of a surrogate pair; it is no valid text") from None
    if not isinstance(octets, bytes):
        raise InvalidCalendar(f"a calendar is iCalendar text, octets or has to_ical(), not {type(given).__name__}")
    if len(octets) > MAX_CALENDAR:
        raise InvalidCalendar(f"the calendar has {len(octets):,} octets; the limit is {MAX_CALENDAR:,}")
    return octets


def _unfolded(octets: bytes) -> list[str]:
    """The content lines. Unfolded as octets: some writers fold in the middle of a character (RFC 5545 section 3.1)."""
    whole = _FOLD.sub(b"", octets.replace(b"\r\n", b"\n")).rstrip(b"\n")
    try:
        text = whole.decode()
    except UnicodeDecodeError as error:
        raise InvalidCalendar(f"the calendar is not UTF-8: {error.reason} at octet {error.start}") from None
    return text.split("\n") if text else []


def _properties(lines: Sequence[str]) -> dict[str, str]:
    """Those of the calendar itself. Raises where components do not nest, or a line is none."""
    open_ones: list[str] = []
    own: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        found = _CONTENT_LINE.match(line)
        if found is None or _CONTROL.search(line):
            raise InvalidCalendar(
                f"line {number} of the calendar, unfolded, is no name, colon and value without controls"
            )
        name, value = found[1].upper(), found[2]
        _nest(name, value.upper(), open_ones, number)
        if len(open_ones) == 1 and name not in ("BEGIN", "END"):
            own.append((name, value))
        if not open_ones and number < len(lines):
            raise InvalidCalendar(f"line {number} ends the calendar, and there is more behind it")
    if open_ones:
        raise InvalidCalendar(f"the calendar has no END:{open_ones[-1]}")
    if not any(line.upper().startswith("BEGIN:V") for line in lines[1:]):
        raise InvalidCalendar("the calendar holds no component, such as BEGIN:VEVENT")
    return _once(own)


def _nest(name: str, value: str, open_ones: list[str], number: int) -> None:
    if name == "BEGIN":
        if (value == "VCALENDAR") == bool(open_ones):
            raise InvalidCalendar(f"line {number}: one BEGIN:VCALENDAR stands first, and everything else within")
        open_ones.append(value)
    elif name == "END":
        if not open_ones or open_ones.pop() != value:
            raise InvalidCalendar(f"line {number}: END:{value[:40]} ends nothing that is open")
    elif not open_ones:
        raise InvalidCalendar(f"line {number}: a calendar begins with BEGIN:VCALENDAR")


def _once(own: Sequence[tuple[str, str]]) -> dict[str, str]:
    counts = Counter(name for name, _ in own)
    for name in _REQUIRED:
        if counts[name] != 1:
            raise InvalidCalendar(f"an invitation has one {name} beside its components, and not {counts[name]}")
    return dict(own)


def _method(properties: dict[str, str]) -> str:
    method, version = properties["METHOD"].upper(), properties["VERSION"]
    if method not in METHODS:
        raise InvalidCalendar(f"METHOD is one of {', '.join(sorted(METHODS))}, not {properties['METHOD'][:40]!r}")
    if version != "2.0":
        raise InvalidCalendar(f"VERSION is 2.0, not {version[:40]!r}")
    return method


def fold(line: str) -> str:
    """``line`` in pieces of at most 75 octets, none of which splits a character."""
    pieces: list[str] = []
    piece, size = "", 0
    for char in line:
        width = len(char.encode())
        if size + width > LINE:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + char, size + width
    return "\r\n".join([*pieces, piece])
