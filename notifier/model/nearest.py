"""`nearest`: the known word that somebody seems to have meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The one of ``known`` that ``word`` is most like; None where it is like none of them."""
    import difflib  # noqa: PLC0415 - only mistakes need it, and each process would keep it

    return next(iter(difflib.get_close_matches(str(word), list(known), 1)), None)
