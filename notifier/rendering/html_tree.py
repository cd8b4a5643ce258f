"""Tokens to a tree, with the ends that HTML lets a writer leave out. Neither recursion nor a search through what is open.

A browser's own rules (WHATWG HTML, 13.2.6) as far as they change which words stand together: paragraphs, lists and tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from notifier.rendering.html_tokens import EndTag, StartTag, tokens

VOID = frozenset((
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link", "meta",
    "param", "source", "track", "wbr",
))  # fmt: skip
_CELLS = ("td", "th")
_SECTIONS = ("tbody", "thead", "tfoot")
_TABLE_PARTS = frozenset((*_CELLS, *_SECTIONS, "tr", "caption", "colgroup", "col"))
_SCOPES = ("table", "caption", *_CELLS, "button", "object", "marquee")
_CLOSES_P = frozenset((
    "address", "article", "aside", "blockquote", "center", "details", "dialog", "dir", "div", "dl", "fieldset",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "main", "menu",
    "nav", "ol", "p", "pre", "section", "summary", "table", "ul", "li", "dt", "dd",
))  # fmt: skip
# A start tag ends the nearest open one of the first names, unless one of the second stands between.
_ENDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "li": (("li",), ("ul", "ol", "menu", "dir", *_SCOPES)),
    "dt": (("dt", "dd"), ("dl", *_SCOPES)),
    "dd": (("dt", "dd"), ("dl", *_SCOPES)),
    "a": (("a",), _SCOPES),
    "option": (("option",), _SCOPES),
    "tr": (("tr", "caption"), ("table",)),
    "caption": (("tr", "caption"), ("table",)),
    **dict.fromkeys(_CELLS, (_CELLS, ("table", "tr"))),
    **dict.fromkeys(_SECTIONS, ((*_SECTIONS, "caption"), ("table",))),
}


class Node:
    """An element; its children are elements and texts, in order."""

    __slots__ = ("attributes", "children", "has_table", "name")

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Node | str] = []
        self.has_table = False  # somewhere below


def parse(source: str) -> Node:
    """The document. Takes any text, and time linear in it."""
    tree = _Tree()
    for token in tokens(source):
        match token:
            case StartTag():
                tree.start(token)
            case EndTag():
                tree.end(token.name)
            case text:
                tree.text(text)
    return tree.root


class _Tree:
    def __init__(self) -> None:
        self.root = Node("#document", {})
        self._open = [self.root]
        # Of each name the places in `_open`, for a look without a search.
        self._places: defaultdict[str, list[int]] = defaultdict(list)

    def start(self, tag: StartTag) -> None:
        name = tag.name
        if name in _TABLE_PARTS and self._nearest(("table",)) < 0:
            return
        self._make_room(name)
        node = Node(name, tag.attributes)
        self._open[-1].children.append(node)
        if name == "table":
            self._tell_of_table()
        if name not in VOID and not (tag.closed and ":" in name):
            self._push(node)

    def end(self, name: str) -> None:
        if name == "br":
            self._open[-1].children.append(Node("br", {}))
        fences = () if name == "table" else ("table",) if name in _TABLE_PARTS else _SCOPES
        at = self._nearest((name,))
        if at > self._nearest(tuple(fence for fence in fences if fence != name)):
            self._close(at)

    def text(self, text: str) -> None:
        if text.strip():
            self._leave_table_parts()
        self._open[-1].children.append(text)

    def _make_room(self, name: str) -> None:
        if name in _CLOSES_P:
            self._close_nearest(("p",), _SCOPES)
        if name in _ENDS:
            self._close_nearest(*_ENDS[name])
        if name in _CELLS and self._nearest(("tr",)) < self._nearest(("table",)):
            self.start(StartTag("tr"))
        elif name not in _TABLE_PARTS and name not in ("script", "style", "template"):
            self._leave_table_parts()

    def _leave_table_parts(self) -> None:
        """What stands in a table and in no cell gets one: a browser shows it too, before the table."""
        if self._open[-1].name in ("table", "tr", *_SECTIONS):
            self.start(StartTag("td"))

    def _tell_of_table(self) -> None:
        for node in reversed(self._open):
            if node.has_table:
                return
            node.has_table = True

    def _push(self, node: Node) -> None:
        self._places[node.name].append(len(self._open))
        self._open.append(node)

    def _nearest(self, names: tuple[str, ...]) -> int:
        nearest = -1
        for name in names:
            places = self._places.get(name)
            if places and places[-1] > nearest:
                nearest = places[-1]
        return nearest

    def _close_nearest(self, names: tuple[str, ...], fences: tuple[str, ...]) -> None:
        at = self._nearest(names)
        if at > self._nearest(fences):
            self._close(at)

    def _close(self, at: int) -> None:
        while len(self._open) > at:
            self._places[self._open.pop().name].pop()
