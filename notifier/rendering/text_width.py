"""The columns that a text takes in a terminal's grid, and lines of at most so many."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

GLUE = "\x1f"  # a blank at which no line ends
_WITHOUT_WIDTH = ("Mn", "Me", "Cf")


@cache
def _sign() -> re.Pattern[str]:
    """Scripts that are written without blanks; what closes a phrase stays with the sign before it. Few mails have any."""
    signs = r"\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003fffd"
    closing = r"\u3001\u3002\u300d\u300f\u3011\uff09\uff0c\uff0e\uff01\uff1f"
    return re.compile(f"[{signs}][{closing}]*+|[^{signs}]++")


def width(text: str) -> int:
    """Two for a wide sign (UAX #11), none for a mark that sits on another."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(sign: str) -> int:
    if unicodedata.category(sign) in _WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def wrapped(text: str, columns: int) -> list[str]:
    """Lines of at most so many columns; a word that is longer, a URL, stays whole."""
    lines: list[str] = []
    line, used = [""], 0
    for blank, piece in _pieces(text):
        size = width(piece)
        if used and used + blank + size > columns:
            lines.append("".join(line))
            line, used = [], 0
        line.append(" " * (blank if used else 0) + piece)
        used += size + (blank if used else 0)
    lines.append("".join(line))
    return [found.replace(GLUE, " ").rstrip() for found in lines]


def _pieces(text: str) -> list[tuple[int, str]]:
    """Words, and signs that a line may end behind; each with the blanks before it."""
    found: list[tuple[int, str]] = []
    for word in text.split(" "):
        parts = [word] if word.isascii() else _sign().findall(word)
        found.extend((int(place == 0), part) for place, part in enumerate(parts))
    return found


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """The text, filled with blanks to so many columns."""
    blanks = " " * (columns - width(text))
    return blanks + text if right else text + blanks
