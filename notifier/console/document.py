"""What the documents of all pages have in common: the head, the style and the icon, and the way to a page's own files."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from notifier.console.html import Markup, tag


def head(title: str, style: str, *further: Markup) -> Markup:
    """The head; ``style`` is the page's own sheet, which comes behind the one that all pages have."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", type="image/svg+xml", href="/static/base/icon.svg"),
        tag("link", rel="stylesheet", href="/static/base/base.css"),
        tag("link", rel="stylesheet", href=f"/static/{style}"),
        *further,
    )


def home(words: str) -> Markup:
    """The icon and the page's name, which lead to its beginning."""
    icon = tag("img", src="/static/base/icon.svg", alt="", width="28", height="28")
    return tag("a", icon, words, href="/", class_="home")


def static_files(page: Path) -> list[Mount]:
    """What the browser asks for beside the documents of the page whose folder this is."""
    return [
        Mount("/static/base", StaticFiles(directory=Path(__file__).parent / "static")),
        Mount("/static", StaticFiles(directory=page / "static")),
    ]
