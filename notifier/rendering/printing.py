"""What the code of a linked template prints with; see `notifier.rendering.linking.quick_code`."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup, escape

TEXT = frozenset({str, Markup})  # types, and none that was made of them


def escaped(value: Any) -> str:
    """What `markupsafe.escape` prints of a value. That makes markup of all, which takes longer than to see that nothing is to be escaped."""
    kind = type(value)
    if kind is Markup:
        return str(value)
    plain = kind is str and "&" not in value and "<" not in value and ">" not in value
    return str(value) if plain and "'" not in value and '"' not in value else escape(value)


class _OnePiece:
    """Stands where Jinja2's generator has a list to fill with what a statement prints."""

    append = staticmethod(str)
    extend = staticmethod("".join)


one_piece = _OnePiece()
