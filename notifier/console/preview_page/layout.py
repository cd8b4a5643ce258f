"""What every page has: the head with its style and its one script, the bar on top, badges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from notifier.console.document import head, home
from notifier.console.html import Markup, join, tag
from notifier.console.preview_page.checks import Finding, Severity

NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def page(title: str, stamp: str, *body: Markup | None) -> str:
    """A whole document. ``stamp`` is that of the files before anything of it was rendered."""
    script = tag("script", src="/static/preview.js", defer=True)
    skip = tag("a", "To the content", href="#content", class_="skip")
    return "<!doctype html>" + tag(
        "html",
        head(title, "preview.css", script),
        tag("body", skip, _masthead(), tag("main", *body, id="content"), data_stamp=stamp),
        lang="en",
    )


def _masthead() -> Markup:
    return tag("header", home("Notifier preview"), tag("p", class_="live", role="status"), class_="masthead")


def badges(findings: Iterable[Finding]) -> Markup:
    """How many of each severity; a word where there is none that matters."""
    counts = Counter(finding.severity for finding in findings)
    shown = [
        tag("span", count_words(counts[severity], noun), class_=f"badge {noun}")
        for severity, noun in NOUNS.items()
        if counts[severity]
    ]
    if not counts[Severity.ERROR] and not counts[Severity.WARNING]:
        shown.insert(0, tag("span", "clean", class_="badge clean"))
    return tag("span", *shown, class_="badges")


def broken(words: str) -> Markup:
    """Why there is nothing to see."""
    return tag(
        "section",
        tag("h2", "This does not render"),
        tag("p", words, class_="words"),
        tag("p", "Correct it and save the file: the page comes back by itself.", class_="quiet"),
        class_="card broken",
        role="alert",
    )


def count_words(count: int, noun: str) -> str:
    """``1 sample``, ``2 samples``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def size_words(octets: int) -> str:
    """``12.3 KB`` (of 1024 octets, as Gmail's limit is told)."""
    return f"{octets} B" if octets < 1024 else f"{octets / 1024:.1f} KB"


def empty(words: str) -> Markup:
    """In place of what is not there."""
    return join(tag("p", words, class_="empty"))
