"""What a screen reader goes by: language, title, headings, tables, ids."""

from __future__ import annotations

from collections.abc import Iterator

from notifier.console.preview_page.checks.document import Document, Element
from notifier.console.preview_page.checks.finding import Finding, warning

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_NO_LAYOUT = frozenset({"presentation", "none"})


def check_structure(document: Document) -> Iterator[Finding]:
    """All of it."""
    yield from _language(document)
    yield from _title(document)
    yield from _headings(document)
    yield from _tables(document)
    yield from _ids(document)


def _language(document: Document) -> Iterator[Finding]:
    if not any(element.attributes.get("lang", "").strip() for element in document.named("html", "body")):
        yield warning('no language is told: <html lang="en">, else a screen reader guesses how to pronounce it')


def _title(document: Document) -> Iterator[Finding]:
    # The title of an svg is its own.
    titles = [one for one in document.named("title") if one.parent is None or one.parent.name in {"head", "html"}]
    if not any("".join(title.texts).strip() for title in titles):
        yield warning("no <title>: it is what a screen reader says first, and the name of the browser's tab")


def _headings(document: Document) -> Iterator[Finding]:
    before = 0
    for heading in document.named(*_HEADINGS):
        if heading.hidden:
            continue
        level = int(heading.name[1])
        if level > before + 1:
            words = f"<h{level}> comes after <h{before}>" if before else f"<h{level}> is the first heading"
            yield warning(f"{words}: headings go down one step at a time", heading.line)
        before = level


def _tables(document: Document) -> Iterator[Finding]:
    for table in document.named("table"):
        if not table.has_headings and _role(table) not in _NO_LAYOUT:
            yield warning(
                'a table without headings is read as data: role="presentation" where it is layout', table.line
            )


def _role(element: Element) -> str:
    return element.attributes.get("role", "").strip().lower()


def _ids(document: Document) -> Iterator[Finding]:
    seen: set[str] = set()
    for element in document.elements:
        name = element.attributes.get("id")
        if name and name in seen:
            yield warning(f"the id {name[:80]!r} is given twice: links lead to the first", element.line)
        seen.add(name or "")
