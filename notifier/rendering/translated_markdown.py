"""``{% trans %}`` in Markdown: what the template wrote is Markdown, values are not, and a translator gives words.

Of a translation those marks of Markdown pass that the source text has, letter by letter: ``**``, a link's address. Any other of
its punctuation is escaped, and it has lines of its own only where the source text has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from notifier.rendering import translating

_MARKS = r"\]\((?:%\(\w+\)s|[^()\s])*\)|\*{1,3}|_{1,3}|~~|`+|\["
_PIECES = re.compile(rf"(%\(\w+\)s|%%|{_MARKS})")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # CommonMark section 2.4: each of them may be escaped


def functions(stand_in: Callable[[Any], str], source: Callable[[str], str]) -> dict[str, Callable[..., str]]:
    """Gettext's functions as ``trans`` calls them. ``stand_in`` makes of a value what goes through Markdown, ``source`` of a
    text what is Markdown.
    """

    def written(translated: str, sources: tuple[str, ...], variables: dict[str, Any]) -> str:
        text = markdown_of(sources, translated) % {name: stand_in(value) for name, value in variables.items()}
        return source(text)

    @pass_context
    def gettext(context: Context, message: str, /, **variables: Any) -> str:
        return written(translating.gettext(context, message), (message,), variables)

    @pass_context
    def ngettext(context: Context, one: str, many: str, number: int, /, **variables: Any) -> str:
        return written(translating.ngettext(context, one, many, number), (one, many), {"num": number, **variables})

    @pass_context
    def pgettext(context: Context, meaning: str, message: str, /, **variables: Any) -> str:
        translated = translating.pgettext(context, meaning, message)
        return written(translated, (message,), {"context": meaning, **variables})

    @pass_context
    def npgettext(context: Context, meaning: str, one: str, many: str, number: int, /, **variables: Any) -> str:
        translated = translating.npgettext(context, meaning, one, many, number)
        return written(translated, (one, many), {"context": meaning, "num": number, **variables})

    return {"gettext": gettext, "ngettext": ngettext, "pgettext": pgettext, "npgettext": npgettext}


def markdown_of(sources: tuple[str, ...], translated: str) -> str:
    """The translation as Markdown, with its placeholders."""
    if translated in sources:
        return translated
    marks = {mark for source in sources for mark in re.findall(_MARKS, source)}
    blanks = r"[ \t]+" if any("\n" in source for source in sources) else r"\s+"
    pieces = _PIECES.split(re.sub(blanks, " ", translated))
    return "".join(piece if _passes(piece, marks) else _PUNCTUATION.sub(r"\\\g<0>", piece) for piece in pieces)


def _passes(piece: str, marks: set[str]) -> bool:
    return piece in marks or (piece.startswith("%") and _PIECES.fullmatch(piece) is not None)
