"""Images: what a reader has who does not see them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote

from notifier.console.preview_page.checks.document import Document, Element
from notifier.console.preview_page.checks.finding import Finding, error, note, warning

_CID = re.compile(r"\s*cid:(.*?)\s*\Z", re.IGNORECASE | re.DOTALL)


def check_images(document: Document, attached: Collection[str]) -> Iterator[Finding]:
    """``attached`` are the Content-IDs of the images that go along."""
    for image in document.named("img"):
        yield from _words(image)
        yield from _source(image.attributes.get("src", ""), image.line, attached)


def _words(image: Element) -> Iterator[Finding]:
    if "alt" not in image.attributes and not image.hidden:
        yield error('an image without alt: say what it shows, or alt="" where it is decoration', image.line)
    if "width" not in image.attributes:
        yield warning(
            "an image without the attribute width: Outlook for Windows shows it as big as its file", image.line
        )


def _source(source: str, line: int, attached: Collection[str]) -> Iterator[Finding]:
    scheme = source.strip().partition(":")[0].lower()
    if found := _CID.match(source):
        if unquote(found[1]) not in attached:
            yield error(f"no attached image has the Content-ID {found[1][:80]!r}: use inline_image('…')", line)
    elif not source.strip():
        yield error("an image without src shows nothing", line)
    elif scheme == "http":
        yield warning("an image by http: is not shown by every client: use https:, or inline_image('…')", line)
    elif scheme == "https":
        yield note(
            "an image from the web is not shown until the reader allows it, and tells when the mail is read", line
        )
    elif scheme == "data":
        yield warning(
            "an image in a data: URL is not shown by Gmail on iOS and older Outlook for Windows: use inline_image('…')",
            line,
        )
    else:
        yield error("an image without https:// is not found, for a mail has no address of its own", line)
