"""What every page has: the head, the frame, and small words for sizes and times."""

from __future__ import annotations

from datetime import datetime

from notifier.console.html import Markup, tag


def page(title: str, *body: Markup | None) -> str:
    """A whole document."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", type="image/svg+xml", href="/static/icon.svg"),
        tag("link", rel="stylesheet", href="/static/mailbox.css"),
    )
    return "<!doctype html>" + tag("html", head, tag("body", *body), lang="en")


def masthead(words: str = "") -> Markup:
    """The bar on top: where one is, and the search."""
    home = tag(
        "a", tag("img", src="/static/icon.svg", alt="", width="28", height="28"), "Caught mail", href="/", class_="home"
    )
    hint = "Search subject, people, text"
    field = tag("input", type="search", name="q", value=words, placeholder=hint, aria_label=hint, maxlength="200")
    search = tag("form", field, tag("button", "Search", type="submit"), role="search", action="/")
    return tag("header", home, search, class_="masthead")


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
