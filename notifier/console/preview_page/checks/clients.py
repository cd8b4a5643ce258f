"""What is in the mail that clients do not support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from notifier.console.preview_page.checks.client_support import (
    AT_RULES,
    CUSTOM_PROPERTY,
    ELEMENTS,
    MAX_WIDTH,
    PROPERTIES,
    STYLESHEET_LINK,
    VALUES,
    Unsupported,
)
from notifier.console.preview_page.checks.document import Document, Element
from notifier.console.preview_page.checks.finding import Finding


def check_clients(document: Document) -> Iterator[Finding]:
    """Elements, at-rules, and declarations of both kinds."""
    for element in document.elements:
        yield from _element(element)
        if not element.hidden:
            yield from _declarations(element.style, element.line, document)
    for rule in document.at_rules:
        if rule.name in AT_RULES:
            yield _found(f"@{rule.name}", AT_RULES[rule.name], rule.line)
    for each in document.rules:
        yield from _declarations(each.declarations, each.line, document)


def _element(element: Element) -> Iterator[Finding]:
    row = ELEMENTS.get(element.name)
    if row is not None and not (element.name == "input" and element.attributes.get("type", "").lower() == "hidden"):
        yield _found(f"<{element.name}>", row, element.line)
    if element.name == "link" and "stylesheet" in element.attributes.get("rel", "").lower().split():
        yield _found("<link rel=stylesheet>", STYLESHEET_LINK, element.line)


def _declarations(style: Mapping[str, str], line: int, document: Document) -> Iterator[Finding]:
    for name, value in style.items():
        if name.startswith("--"):
            yield _found("a custom property", CUSTOM_PROPERTY, line)
        row = next((row for asked, holds, row in PROPERTIES if asked == name and holds.search(value)), None)
        if row is not None:
            yield _found(f"{name}: {value[:40]}" if name in {"display", "position", "float"} else name, row, line)
        if name == "max-width" and value[:1].isdigit() and not document.has_ghost_tables:
            yield _found("max-width", MAX_WIDTH, line)
        for words, holds, value_row in VALUES:
            if holds.search(value):
                yield _found(words, value_row, line)


def _found(what: str, row: Unsupported, line: int) -> Finding:
    clients = row.clients
    named = clients[0] if len(clients) == 1 else f"{', '.join(clients[:-1])} and {clients[-1]}"
    return Finding(row.severity, f"{what} is not supported by {named}, which {row.effect}", line)
