"""What every page has: the head, the frame, and small words for sizes and times."""

from __future__ import annotations

from datetime import datetime

from notifier.console.document import head, home
from notifier.console.html import Markup, tag


def page(title: str, *body: Markup | None) -> str:
    """A whole document."""
    return "<!doctype html>" + tag("html", head(title, "mailbox.css"), tag("body", *body), lang="en")


def masthead(words: str = "") -> Markup:
    """The bar on top: where one is, and the search."""
    hint = "Search subject, people, text"
    field = tag("input", type="search", name="q", value=words, placeholder=hint, aria_label=hint, maxlength="200")
    search = tag("form", field, tag("button", "Search", type="submit"), role="search", action="/")
    return tag("header", home("Caught mail"), search, class_="masthead")


def size_words(octets: int) -> str:
    """``12 KB``."""
    if octets < 1000:
        return f"{octets} B"
    return f"{octets / 1000:.0f} KB" if octets < 999_500 else f"{octets / 10**6:.1f} MB"


def count_words(count: int, noun: str) -> str:
    """``1 mail``, ``2 mails``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def moment(seconds: float, *, now: datetime | None = None) -> Markup:
    """A time element in the reader's zone: the time of day for today, the date with it for any other day."""
    at = datetime.fromtimestamp(seconds).astimezone()
    today = (now or datetime.now().astimezone()).date()
    return tag("time", f"{at:%H:%M:%S}" if at.date() == today else f"{at:%Y-%m-%d %H:%M}", datetime=at.isoformat())
