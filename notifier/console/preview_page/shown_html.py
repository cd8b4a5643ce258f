"""The html of a specimen as a frame shows it, in light or in dark mode, whatever the browser itself prefers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from notifier.console.foreign_html import framed

_PREFERENCE = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_TRUE, _FALSE = "(min-width: 0px)", "(min-width: 99999999px)"
_SCHEME = re.compile(r"color-scheme[^;{}<>]*\bdark\b", re.IGNORECASE)


def shown_html(html: str, images: Mapping[str, str], *, dark: bool) -> str:
    """The page for the frame. A mail that does not say that it knows dark mode stays light, as it does in a client that
    turns no colours around.
    """
    mode = "dark" if dark else "light"
    decided = _PREFERENCE.sub(lambda found: _TRUE if found[1].lower() == mode else _FALSE, html)
    scheme = "dark" if dark and knows_dark(html) else "light"
    return framed(decided, images, f"<style>:root {{ color-scheme: {scheme} !important }}</style>")


def knows_dark(html: str) -> bool:
    """True where the mail names ``dark`` among its colour schemes or has rules for it."""
    return bool(_SCHEME.search(_PREFERENCE.sub("", html)) or _PREFERENCE.search(html))
