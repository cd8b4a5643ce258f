"""What every page has: the head, the bar on top, what was done a moment ago; and the pieces that pages are made of."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from notifier.console.document import head, home
from notifier.console.html import Child, Markup, join, tag
from notifier.console.operator_page.access import Session
from notifier.console.operator_page.veil import Veil
from notifier.model.state import MailState

PLACES = (
    ("/", "Overview"),
    ("/search", "Search"),
    ("/dead", "Dead letters"),
    ("/unknown", "Unknown"),
    ("/suppression", "Suppression"),
    ("/templates", "Templates"),
    ("/reports", "Reports"),
    ("/pauses", "Pauses"),
)
STYLE = "console.css"
_TONE: Mapping[str, str] = {
    MailState.SENT: "good",
    MailState.UNKNOWN: "warning",
    MailState.PARKED: "warning",
    MailState.FAILED: "error",
    MailState.EXPIRED: "error",
    MailState.QUARANTINED: "error",
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a page is made: what is covered from them, and whether they may change anything."""

    session: Session
    veil: Veil
    may_act: bool = True


def page(viewer: Viewer, place: str, title: str, *body: Child, every: int = 0) -> str:
    """A whole document. ``every``: it is loaded again after so many seconds, where the reader has asked for that."""
    again = [tag("meta", http_equiv="refresh", content=str(every))] if every else []
    notices = (
        tag("p", words, class_=f"card outcome {'sent' if done else 'failed'}") for done, words in viewer.session.told()
    )
    said = tag("div", *notices, role="status", class_="notices")
    return _document(
        title, _masthead(viewer, place), tag("main", tag("h1", title), said, *body, id="content", tabindex="-1"), *again
    )


def outside(title: str, *body: Child, further: Sequence[Markup] = ()) -> str:
    """A document for whoever has no session."""
    bar = tag("header", home("Notifier console"), class_="masthead")
    return _document(title, bar, tag("main", tag("h1", title), *body, id="content", tabindex="-1"), *further)


def _document(title: str, bar: Markup, main: Markup, *further: Markup) -> str:
    skip = tag("a", "To the content", href="#content", class_="skip")
    whole = head(f"{title} · Notifier", STYLE, *further)
    return "<!doctype html>" + tag("html", whole, tag("body", skip, bar, main), lang="en")


def _masthead(viewer: Viewer, place: str) -> Markup:
    links = (tag("a", words, href=path, aria_current="page" if path == place else None) for path, words in PLACES)
    leave = tag("form", token_field(viewer), button("Sign out", quiet=True), method="post", action="/leave")
    rights = None if viewer.may_act else tag("span", "read only", class_="badge")
    top = tag("div", home("Notifier console"), rights, leave, class_="top-row")
    return tag("header", top, tag("nav", *links, class_="tabs", aria_label="Pages"), class_="masthead")


def token_field(viewer: Viewer) -> Markup:
    """What tells our own forms from a stranger's."""
    return hidden("token", viewer.session.form_token)


def hidden(name: str, value: str) -> Markup:
    """A value that goes along."""
    return tag("input", type="hidden", name=name, value=value)


def button(words: str, *, name: str | None = None, value: str | None = None, quiet: bool = False) -> Markup:
    """Sends its form."""
    return tag("button", words, type="submit", name=name, value=value, class_="quiet-button" if quiet else None)


def acting(viewer: Viewer, action: str, *children: Child, label: str) -> Markup | None:
    """A form that changes something; nothing for whoever may not."""
    if not viewer.may_act:
        return None
    return tag("form", token_field(viewer), *children, method="post", action=action, aria_label=label)


def field(label: str, name: str, value: str = "", *, type: str = "text", **more: str | bool | None) -> Markup:  # noqa: A002 - HTML's word
    """A labelled input."""
    shown = tag("input", type=type, name=name, id=name, value=value or None, autocomplete="off", **more)
    return tag("div", tag("label", label, for_=name), shown, class_="field")


def choice(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str = "") -> Markup:
    """A labelled select; each option is its value and its words."""
    shown = (tag("option", words, value=value, selected=value == chosen) for value, words in options)
    return tag("div", tag("label", label, for_=name), tag("select", *shown, name=name, id=name), class_="field")


def table(label: str, heads: Sequence[str], rows: Iterable[Iterable[Child]]) -> Markup:
    """On a phone each row is a card, and each cell says under which head it stands."""
    head_row = tag("tr", *(tag("th", words, scope="col") for words in heads))
    body = (tag("tr", *(_cell(words, cell) for words, cell in zip(heads, row, strict=True))) for row in rows)
    return tag("table", tag("caption", label, class_="unseen"), tag("thead", head_row), tag("tbody", *body))


def _cell(head_words: str, cell: Child) -> Markup:
    return tag("td", tag("span", cell), data_label=head_words)


def card(title: str, *body: Child, level: str = "h2") -> Markup:
    """A part of a page, under its own heading."""
    return tag("section", tag(level, title), *body, class_="card part")


def facts(rows: Iterable[tuple[str, Child]]) -> Markup:
    """Names and values."""
    return tag("dl", *(item for name, value in rows for item in (tag("dt", name), tag("dd", value))))


def quiet(*words: Child) -> Markup:
    """A remark."""
    return tag("p", *words, class_="quiet")


def empty(words: str) -> Markup:
    """In place of what is not there."""
    return tag("p", words, class_="empty")


def badge(words: str, tone: str = "") -> Markup:
    """A word that is also a colour."""
    return tag("span", words, class_=f"badge {tone}".strip())


def state_badge(state: str) -> Markup:
    """A mail's state; one that a newer Notifier has written is a word like others."""
    return badge(state.replace("_", " "), _TONE.get(state, ""))


def alert(title: str, *body: Child) -> Markup:
    """What a person should see first."""
    return tag("section", tag("h2", title), *body, class_="card part alert", role="alert")


def moment(seconds: float) -> Markup:
    """A time, UTC as in the commands."""
    at = datetime.fromtimestamp(seconds, UTC)
    return tag("time", f"{at:%Y-%m-%d %H:%M:%S} UTC", datetime=at.isoformat())


def ago(seconds: float, now: float | None = None) -> str:
    """``3.5 min ago``, ``in 2.0 h``."""
    past = (time.time() if now is None else now) - seconds
    return f"{span(past)} ago" if past >= 0 else f"in {span(-past)}"


def span(seconds: float) -> str:
    """``12 s``, ``3.5 min``, ``2.0 h``, ``4.1 d``."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def counted(count: int, noun: str) -> str:
    """``1 mail``, ``2 mails``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(items: Iterable[Child]) -> Markup:
    """One below the other."""
    return tag("ul", *(tag("li", item) for item in items), class_="plain")


def lines(*items: Child) -> Markup:
    """Texts with breaks between them."""
    return join(*(part for item in items if item for part in (item, tag("br"))))
