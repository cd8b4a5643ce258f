"""`Finding`: one thing about a mail that its author should know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """A note falls back well: the mail can be read as it is meant, with square corners."""

    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """``line`` is one of the html part, from 1; 0 where it is about the whole mail. ``times`` counts the places."""

    severity: Severity
    words: str
    line: int = 0
    times: int = 1


def error(words: str, line: int = 0) -> Finding:
    """What keeps the mail, or a part of it, from doing its job."""
    return Finding(Severity.ERROR, words, line)


def warning(words: str, line: int = 0) -> Finding:
    """What is bad for some of the readers."""
    return Finding(Severity.WARNING, words, line)


def note(words: str, line: int = 0) -> Finding:
    """What is good to know."""
    return Finding(Severity.NOTE, words, line)
