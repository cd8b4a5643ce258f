"""The language that is being rendered: one environment serves all threads, so it is known by context and not by globals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from gettext import NullTranslations

_RTL = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"})


@dataclass(frozen=True, slots=True)
class Language:
    """``tag`` None: the mail has none, and nothing is translated."""

    tag: str | None = None
    translations: NullTranslations = field(default_factory=NullTranslations)


_current: ContextVar[Language] = ContextVar("language")
_NONE = Language()


def language() -> Language:
    """That of the mail that this thread renders."""
    return _current.get(_NONE)


@contextmanager
def speaking(chosen: Language) -> Iterator[None]:
    """The body renders in this language."""
    token = _current.set(chosen)
    try:
        yield
    finally:
        _current.reset(token)


def fallbacks(tag: str) -> list[str]:
    """``de-AT``, then ``de``."""
    parts = tag.replace("_", "-").split("-")
    return ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]


def direction(tag: str) -> str:
    """What ``dir=`` says of a language: ``rtl`` or ``ltr``."""
    return "rtl" if fallbacks(str(tag))[-1].lower() in _RTL else "ltr"
