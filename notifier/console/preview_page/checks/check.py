"""Every check on one mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from notifier.console.preview_page.checks.clients import check_clients
from notifier.console.preview_page.checks.document import MAX_CHARACTERS, read_document
from notifier.console.preview_page.checks.finding import Finding, warning
from notifier.console.preview_page.checks.images import check_images
from notifier.console.preview_page.checks.legibility import check_legibility
from notifier.console.preview_page.checks.links import check_links
from notifier.console.preview_page.checks.structure import check_structure
from notifier.console.preview_page.checks.whole_mail import check_preheader, check_sizes, check_subject, check_text
from notifier.model.content import Content


def check_mail(content: Content, octets: int) -> list[Finding]:
    """The findings, the worst first; the same words are told once. ``octets`` are those of the whole message."""
    return sorted(_merged(_all(content, octets)), key=lambda one: (-one.severity, one.line))


def _all(content: Content, octets: int) -> Iterator[Finding]:
    yield from check_subject(content.subject)
    if content.html is None:
        yield from check_text(content.text, None)
        return
    document = read_document(content.html)
    yield from check_text(content.text, document)
    yield from check_sizes(content.html, octets)
    if len(content.html) > MAX_CHARACTERS:
        yield warning(f"only the first {MAX_CHARACTERS:,} characters were looked at")
    yield from check_preheader(document)
    yield from check_structure(document)
    yield from check_links(document)
    yield from check_images(document, {image.content_id for image in content.inline_images})
    yield from check_legibility(document)
    yield from check_clients(document)


def _merged(findings: Iterable[Finding]) -> Iterable[Finding]:
    merged: dict[str, Finding] = {}
    for finding in findings:
        first = merged.setdefault(finding.words, replace(finding, times=0))
        line = min(first.line or finding.line, finding.line or first.line)
        merged[finding.words] = replace(first, line=line, times=first.times + 1)
    return merged.values()
