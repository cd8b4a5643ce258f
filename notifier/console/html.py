"""HTML that is escaped by construction: text becomes markup only through `tag`."""

from __future__ import annotations

from html import escape

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None


def tag(element: str, /, *children: Child, **attributes: str | bool | None) -> Markup:
    """An element. Plain text among ``children`` is escaped; ``class_`` stands for ``class``; None is left out."""
    shown = "".join(_attribute(key, value) for key, value in attributes.items())
    if element in _VOID:
        return Markup(f"<{element}{shown}>")
    return Markup(f"<{element}{shown}>{join(*children)}</{element}>")


def join(*children: Child) -> Markup:
    """Elements and texts in a row."""
    return Markup(
        "".join(child if isinstance(child, Markup) else _escaped(child) for child in children if child is not None)
    )


def _attribute(key: str, value: str | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_escaped(value)}"'


def _escaped(text: str) -> str:
    """Half a surrogate pair, which no page can carry, becomes a question mark."""
    return escape(text.encode("utf-8", "replace").decode())
