"""All templates, each with what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notifier.console.html import Markup, tag
from notifier.console.preview_page.checks import Finding
from notifier.console.preview_page.layout import badges, count_words, empty, page
from notifier.console.preview_page.specimens import Described


@dataclass(frozen=True, slots=True)
class Row:
    """A template, the findings of all its samples in all languages, and how many of them do not render."""

    described: Described
    findings: tuple[Finding, ...]
    broken: int


def index_page(rows: Sequence[Row], stamp: str) -> str:
    """The list."""
    title = tag("h1", "Mail templates")
    count = tag("p", count_words(len(rows), "template"), class_="quiet")
    cards = tag("ul", *map(_card, rows), class_="templates") if rows else empty("There is no template.")
    return page("Mail templates", stamp, title, count, cards)


def _card(row: Row) -> Markup:
    name = row.described.name
    return tag(
        "li",
        tag("h2", tag("a", name, href=f"/t/{name}")),
        tag("p", row.described.about.description or "No description in meta.json.", class_="quiet"),
        tag("p", _facts(row), _state(row), class_="facts"),
        class_="card",
    )


def _facts(row: Row) -> Markup:
    about = row.described.about
    samples = count_words(len(about.samples), "sample")
    return tag("span", f"{samples} · {count_words(1 + len(about.locales), 'language')}")


def _state(row: Row) -> Markup:
    if row.described.problem or row.broken:
        return tag("span", tag("span", "does not render", class_="badge error"), class_="badges")
    return badges(row.findings)
