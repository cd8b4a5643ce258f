"""Subject, preheader, text and size."""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import east_asian_width

from notifier.console.preview_page.checks.document import Document, Element
from notifier.console.preview_page.checks.finding import Finding, error, note, warning

CLIPPED = 102 * 1024  # octets of html: Gmail shows no more, and hides the rest behind a link
NEAR = 0.9
REFUSED = 10 * 10**6  # octets of a message: what many servers take, if not more
LONG_SUBJECT = 60  # columns
LITTLE_TEXT = 0.5  # of the letters of the html


def check_sizes(html: str, octets: int) -> Iterator[Finding]:
    """``octets`` are those of the whole message."""
    size = len(html.encode("utf-8", "replace"))
    told = f"the html has {size / 1024:.1f} KB, and Gmail cuts off what is over {CLIPPED // 1024} KB"
    if size > CLIPPED:
        yield error(told)
    elif size > NEAR * CLIPPED:
        yield warning(told)
    if octets > REFUSED:
        yield warning(f"the message has {octets / 10**6:.1f} MB, and many servers refuse what is over 10 MB")


def check_subject(subject: str) -> Iterator[Finding]:
    """A wide character counts two columns."""
    columns = sum(1 + (east_asian_width(char) in "FW") for char in subject)
    if columns > LONG_SUBJECT:
        yield note(
            f"the subject has {columns} columns, and phones cut it off at about {LONG_SUBJECT}: put what counts first"
        )


def check_text(text: str, document: Document | None) -> Iterator[Finding]:
    """The text part must say what the html says."""
    letters = _letters(text)
    if not letters:
        yield error("the text part is empty: watches, screen readers and filters read it")
    elif document is not None and letters < LITTLE_TEXT * (shown := _letters(document.visible_text)):
        yield warning(f"the text part has {letters} letters and the html {shown}: it does not say the same")


def check_preheader(document: Document) -> Iterator[Finding]:
    """The hidden words at the top, which a list of mails shows beside the subject."""
    body = [element for element in document.elements if _in_body(element)]
    hidden = next((element for element in body if element.hidden), None)
    first = next((element for element in body if not element.hidden and "".join(element.texts).strip()), None)
    position = {id(element): index for index, element in enumerate(body)}
    if hidden is None or (first is not None and position[id(first)] < position[id(hidden)]):
        yield note("no preheader: a list of mails shows the first words of the mail beside the subject")
    elif not _letters("".join(text for one in body if _within(one, hidden) for text in one.texts)):
        yield warning("the preheader is empty: it is shown beside the subject in a list of mails", hidden.line)


def _in_body(element: Element) -> bool:
    if element.name in {"html", "head", "title", "meta", "style", "script", "link", "base"}:
        return False
    return element.parent is None or element.parent.name != "head"


def _within(element: Element, ancestor: Element) -> bool:
    """The element itself, or what stands in it directly: nothing deeper is asked of a preheader."""
    return element is ancestor or element.parent is ancestor


def _letters(text: str) -> int:
    return sum(char.isalnum() for char in text)
