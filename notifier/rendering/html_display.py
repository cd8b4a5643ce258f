"""What a browser would show of an element: as a block, in the line, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal

from notifier.rendering.html_tree import Node

Display = Literal["block", "inline", "none"]

_UNSEEN = frozenset((
    "script", "style", "title", "template", "svg", "math", "xml", "iframe", "noembed", "noframes", "object", "applet",
    "audio", "select", "datalist", "textarea", "input", "area", "meta", "link", "base", "map", "progress", "meter",
    "canvas", "dialog",
))  # fmt: skip
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dir", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr",
    "html", "legend", "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
    "th", "thead", "tr", "ul",
))  # fmt: skip
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_REMEMBERED = 500  # characters
_BRACE = re.compile("[{}]")
_SIMPLE = re.compile(r"[A-Za-z][\w-]*|[.#][\w-]+")
_ZERO = re.compile(r"0+(?:\.0*)?(?:px|em|rem|pt|%)?")


def declarations(style: str) -> Mapping[str, str]:
    """A ``style`` attribute, names and values in lower case; the last one counts."""
    return _declarations(style) if len(style) <= _REMEMBERED else _declarations.__wrapped__(style)


@lru_cache(maxsize=512)  # a layout's own, in each of its mails
def _declarations(style: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for declaration in _COMMENT.sub("", style).lower().split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            found[name.strip()] = value.replace("!important", "").strip()
    return found


def hides(style: Mapping[str, str]) -> bool:
    """The ways in which newsletters hide a preheader or what is for other clients."""
    if style.get("display") == "none" or style.get("visibility") in ("hidden", "collapse"):
        return True
    if any(_ZERO.fullmatch(style.get(name, "")) for name in ("opacity", "max-height")):
        return True
    clipped = style.get("overflow", "").startswith("hidden")
    return clipped and any(_ZERO.fullmatch(style.get(name, "")) for name in ("height", "width", "max-width"))


def hidden_selectors(sheet: str) -> frozenset[str]:
    """Classes, ids and elements that a style sheet hides everywhere; rules inside ``@media`` are for some clients only."""
    hidden = (name for name, body in style_rules(sheet) if _SIMPLE.fullmatch(name) and hides(declarations(body)))
    return frozenset(hidden)


def style_rules(sheet: str) -> Iterator[tuple[str, str]]:
    """Each selector of the first level with its braces' content; an at-rule whole."""
    sheet = _COMMENT.sub("", sheet)
    depth, at, selectors, begin = 0, 0, "", 0
    for brace in _BRACE.finditer(sheet):
        if brace[0] == "{":
            if depth == 0:  # `@import url(x);` and the like end before the selectors begin
                selectors, begin = sheet[at : brace.start()].rpartition(";")[2].strip(), brace.end()
            depth += 1
            continue
        depth, at = max(depth - 1, 0), brace.end()
        if depth == 0 and selectors:
            names = [selectors] if selectors.startswith("@") else [name.strip() for name in selectors.split(",")]
            yield from ((name, sheet[begin : brace.start()]) for name in names)
            selectors = ""


def display(node: Node, hidden: frozenset[str]) -> Display:
    """How the element is shown where ``hidden`` is what the style sheets hide."""
    if node.name in _UNSEEN or "hidden" in node.attributes or _hidden_by_sheet(node, hidden):
        return "none"
    style = declarations(node.attributes.get("style", ""))
    if style and hides(style):
        return "none"
    if node.name in ("td", "th", "tr", "table"):
        return "block"
    match style.get("display", ""):
        case "block" | "table" | "flex" | "grid" | "list-item" | "table-row":
            return "block"
        case "inline" | "inline-block" | "inline-flex" | "inline-table":
            return "inline"
    return "block" if node.name in _BLOCKS else "inline"


def _hidden_by_sheet(node: Node, hidden: frozenset[str]) -> bool:
    if not hidden:
        return False
    names = [
        node.name,
        "#" + node.attributes.get("id", ""),
        *("." + name for name in node.attributes.get("class", "").split()),
    ]
    return not hidden.isdisjoint(names)
