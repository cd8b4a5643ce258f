"""The views that are letters: text part, html source, message, context."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from notifier.console.html import Markup, join, tag
from notifier.console.preview_page.layout import empty
from notifier.console.preview_page.specimens import Specimen

SHOWN = 300_000  # characters of a source


def text_view(specimen: Specimen) -> Markup:
    """The text part as it is."""
    text = specimen.content.text if specimen.content is not None else ""
    return _plain("Text part", text) if text.strip() else empty("The text part is empty.")


def source_view(specimen: Specimen) -> Markup:
    """The html with the numbers of its lines, to which the checks point."""
    html = specimen.content.html if specimen.content is not None else None
    if html is None:
        return empty("This template has no HTML part.")
    lines = html[:SHOWN].replace("\r\n", "\n").split("\n")
    items = (tag("li", tag("code", line), id=f"L{number}") for number, line in enumerate(lines, 1))
    return join(_region("HTML source", tag("ol", *items, class_="card numbered")), _left_out(html))


def message_view(specimen: Specimen) -> Markup:
    """The octets that go out, but for people and date."""
    message = specimen.message.decode("utf-8", "replace")
    words = "Message-ID, Date and To are made up; all else is as a worker composes it."
    return join(tag("p", words, class_="quiet"), _plain("Message", message, wrapped=False))


def context_view(specimen: Specimen) -> Markup:
    """What the sample passes; what is sensitive is not shown, as it is shown nowhere."""
    return _plain("Context", json.dumps(specimen.shown_context, ensure_ascii=False, indent=2))


def _plain(label: str, text: str, *, wrapped: bool = True) -> Markup:
    shown = text[:SHOWN].replace("\r\n", "\n")
    return join(_region(label, tag("pre", shown, class_="card wrapped" if wrapped else "card")), _left_out(text))


def _region(label: str, shown: Markup) -> Markup:
    """What may be wider than the page is scrolled by the keyboard too."""
    return tag("div", shown, class_="region", role="region", aria_label=label, tabindex="0")


def _left_out(text: str) -> Markup | None:
    more = len(text) - SHOWN
    return tag("p", f"{more:,} characters more are not shown.", class_="quiet") if more > 0 else None


TEXT_VIEWS: Mapping[str, Callable[[Specimen], Markup]] = {
    "text": text_view,
    "source": source_view,
    "message": message_view,
    "context": context_view,
}
