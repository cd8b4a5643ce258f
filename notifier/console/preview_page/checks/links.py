"""Links: where they lead, and whether one can know it before."""

from __future__ import annotations

from collections.abc import Iterator

from notifier.console.preview_page.checks.document import Document, Element
from notifier.console.preview_page.checks.finding import Finding, error, warning

_LEADS_NOWHERE = ("javascript:", "data:", "vbscript:", "file:")


def check_links(document: Document) -> Iterator[Finding]:
    """Every ``a`` with an ``href``, and those that have none and no name."""
    targets = {element.attributes.get("id") for element in document.elements}
    targets |= {element.attributes.get("name") for element in document.named("a")}
    for link in document.named("a", "area"):
        yield from _target(link, targets)
        if "href" in link.attributes and not link.hidden:
            yield from _label(link)


def _target(link: Element, targets: set[str | None]) -> Iterator[Finding]:
    if "href" not in link.attributes:
        if not targets & {link.attributes.get("id"), link.attributes.get("name")} - {None}:
            yield error("a link without href leads nowhere", link.line)
        return
    href = link.attributes["href"].strip()
    scheme = "".join(href.split()).lower()  # a browser drops line breaks and tabs in it
    if not href or href == "#":
        yield error("an empty link leads nowhere", link.line)
    elif href.startswith("#"):
        if href[1:] not in targets:
            yield error(f"nothing in the mail has the id {href[1:]!r} that a link leads to", link.line)
    elif scheme.startswith(_LEADS_NOWHERE):
        yield error(
            f"{scheme.partition(':')[0]}: links are taken out by mail clients, or the mail is refused", link.line
        )
    elif scheme.startswith("http:"):
        yield warning("a link by http: can be read and changed on its way: use https:", link.line)
    elif ":" not in scheme.partition("/")[0]:
        yield error("a link without https:// leads nowhere, for a mail has no address of its own", link.line)


def _label(link: Element) -> Iterator[Finding]:
    if not " ".join(link.label).strip():
        yield error("a link without words or an image's alt cannot be used with a screen reader", link.line)
