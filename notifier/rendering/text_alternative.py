"""`text_alternative`: what a reader of plain text gets of an html mail.

Links are footnotes, tables of data aligned columns, images their ``alt``; what a browser would not show is left out. Any text is
taken, however broken: neither an error nor recursion, and time linear in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from notifier.rendering.html_display import declarations, display, hidden_selectors
from notifier.rendering.html_tree import Node, parse
from notifier.rendering.text_blocks import BREAK, JOINT, KEPT, TextBlocks, clean
from notifier.rendering.text_tables import data_lines
from notifier.rendering.text_width import GLUE

COLUMNS = 72
_ENDLESS = 10**6
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_RULES = {"h1": "=", "h2": "-"}
_MARGIN = frozenset(
    ("p", "dl", "table", "tr", "td", "th", "caption", "figure", "fieldset", "blockquote", "pre", *_HEADINGS)
)
_NUMBER = re.compile(r"\s*(-?[0-9]{1,9})")
_SHOWN_SCHEMES = ("mailto:", "tel:", "sms:")

Leave = Callable[[], None]


def text_alternative(html: str, columns: int = COLUMNS) -> str:
    """The text of an html mail in lines of at most so many columns, URLs apart; empty where there is nothing to read."""
    root = parse(html)
    footnotes = _Footnotes()
    reader = _Reader(footnotes, hidden_selectors(_style_sheets(root)), TextBlocks(columns))
    lines = reader.read(root)
    if footnotes.urls and lines:
        lines = [*lines, ""]
    lines = [*lines, *(f"[{number}] {url}" for url, number in footnotes.urls.items())]
    return "\n".join(lines) + "\n" if lines else ""


def _style_sheets(root: Node) -> str:
    sheets: list[str] = []
    todo = [root]
    while todo:
        for child in todo.pop().children:
            if isinstance(child, Node):
                if child.name == "style":
                    sheets.extend(text for text in child.children if isinstance(text, str))
                todo.append(child)
    return "\n".join(sheets)


class _Footnotes:
    """The same URL has one number."""

    def __init__(self) -> None:
        self.urls: dict[str, int] = {}

    def number(self, url: str) -> int:
        return self.urls.setdefault(url, len(self.urls) + 1)


class _Reader:
    """Walks the tree with a list of what is left to do in place of the call stack."""

    def __init__(self, footnotes: _Footnotes, hidden: frozenset[str], blocks: TextBlocks) -> None:
        self._footnotes = footnotes
        self._hidden = hidden
        self._blocks = blocks
        self._lists: list[int | None] = []  # the next number of each open list; None where it has none
        self._bare_lists = 0
        self._preformatted = 0
        self._line_by_line = 0  # white-space: pre-line
        self._nameless_images = 0
        self._special: dict[str, Callable[[Node], Leave | None]] = {
            "a": self._link,
            "img": self._image,
            "br": lambda _: self._blocks.write(BREAK),
            "hr": self._rule,
            "ul": self._list,
            "menu": self._list,
            "dir": self._list,
            "ol": self._list,
            "li": self._item,
            "dd": lambda _: self._indented("  "),
            "blockquote": lambda _: self._indented("> "),
            "pre": self._pre,
            "q": self._quotation,
            **dict.fromkeys(_RULES, self._ruled_heading),
        }

    def read(self, root: Node) -> list[str]:
        """The lines of everything below."""
        todo: list[Node | str | Leave] = [*reversed(root.children)]
        while todo:
            match todo.pop():
                case str(text):
                    self._text(text)
                case Node() as node:
                    self._enter(node, todo)
                case leave:
                    leave()
        self._blocks.end_block()
        return self._blocks.lines

    def _text(self, text: str) -> None:
        text = clean(text)
        if self._preformatted:
            text = text.expandtabs().replace(" ", KEPT)
        if self._preformatted or self._line_by_line:
            text = text.replace("\r\n", "\n").replace("\n", BREAK)
        self._blocks.write(text)

    def _enter(self, node: Node, todo: list[Node | str | Leave]) -> None:
        shown = display(node, self._hidden)
        if shown == "none" or (node.name == "table" and self._data_table(node)):
            return
        if shown == "block":
            margin = self._margin(node)
            self._blocks.end_block(margin=margin)
            todo.append(lambda: self._blocks.end_block(margin=margin))
        for enter in (self._special.get(node.name), self._white_space):
            leave = enter(node) if enter else None
            if leave is not None:
                todo.append(leave)
        todo.extend(reversed(node.children))

    def _margin(self, node: Node) -> bool:
        if node.name in ("ul", "ol", "menu", "dir"):
            return not self._lists
        return node.name in _MARGIN

    def _data_table(self, table: Node) -> bool:
        def show(cell: Node) -> list[str]:
            return _Reader(self._footnotes, self._hidden, TextBlocks(_ENDLESS)).read(cell)

        lines = data_lines(table, self._blocks.columns, show, lambda node: display(node, self._hidden) != "none")
        if lines is None:
            return False
        self._blocks.end_block(margin=True)
        self._blocks.put_lines(lines)
        self._blocks.end_block(margin=True)
        return True

    def _link(self, node: Node) -> Leave | None:
        url = "".join(clean(node.attributes.get("href", "")).split())
        scheme = url.partition(":")[0].lower() + ":"
        if not url or url.startswith("#") or scheme in ("javascript:", "data:", "vbscript:"):
            return None
        mark, images = self._blocks.mark, self._nameless_images

        def leave() -> None:
            words = self._blocks.since(mark)
            if not words:
                words = clean(node.attributes.get("aria-label") or node.attributes.get("title") or "").strip()
                self._blocks.write(words)
            if words or self._nameless_images > images:
                self._blocks.append(self._reference(url, scheme, words))

        return leave

    def _reference(self, url: str, scheme: str, words: str) -> str:
        """What stands behind a link's words."""
        blank = GLUE if words else ""
        if scheme in _SHOWN_SCHEMES:
            plain = url.partition(":")[2].partition("?")[0]
            return "" if not plain or _same(plain, words) else f"{blank}<{plain}>{JOINT}"
        return "" if _same(url, words) else f"{blank}[{self._footnotes.number(url)}]{JOINT}"

    def _image(self, node: Node) -> None:
        if not {node.attributes.get("width"), node.attributes.get("height")} & {"0", "1", "0px", "1px"}:
            self._nameless_images += "alt" not in node.attributes
            alternative = clean(node.attributes.get("alt", "")).strip()
            self._blocks.write(f" {alternative}{JOINT}" if alternative else "")

    def _rule(self, node: Node) -> None:
        del node
        self._blocks.end_block(margin=True)
        self._blocks.put_lines(["-" * min(self._blocks.columns, COLUMNS)])
        self._blocks.end_block(margin=True)

    def _list(self, node: Node) -> Leave:
        start = _number(node.attributes.get("start"), 1) if node.name == "ol" else None
        bare = "none" in node.attributes.get("style", "").lower().partition("list-style")[2].partition(";")[0]
        self._lists.append(start)
        self._bare_lists += bare

        def leave() -> None:
            self._lists.pop()
            self._bare_lists -= bare

        return leave

    def _item(self, node: Node) -> Leave | None:
        if self._bare_lists:
            return None
        following = self._lists[-1] if self._lists else None
        bullet = "* "
        if following is not None:
            following = _number(node.attributes.get("value"), following)
            bullet = f"{following}. "
            self._lists[-1] = following + 1
        return self._indented(bullet, " " * len(bullet))

    def _indented(self, first: str, rest: str | None = None) -> Leave:
        self._blocks.indent(first, rest if rest is not None else first)

        def leave() -> None:
            self._blocks.end_block()
            self._blocks.outdent()

        return leave

    def _pre(self, node: Node) -> Leave:
        if node.children and isinstance(node.children[0], str):
            node.children[0] = re.sub(r"\A\r?\n", "", node.children[0])
        return self._keep_blanks(1)

    def _white_space(self, node: Node) -> Leave | None:
        style = node.attributes.get("style", "")
        kept = declarations(style).get("white-space") if "white-space" in style else None
        if kept in ("pre", "pre-wrap", "break-spaces"):
            return self._keep_blanks(1)
        return self._keep_blanks(0, lines=1) if kept == "pre-line" else None

    def _keep_blanks(self, all_of_them: int, lines: int = 0) -> Leave:
        self._preformatted += all_of_them
        self._line_by_line += lines

        def leave() -> None:
            self._preformatted -= all_of_them
            self._line_by_line -= lines

        return leave

    def _quotation(self, node: Node) -> Leave:
        del node
        self._blocks.write("\N{LEFT DOUBLE QUOTATION MARK}")
        return lambda: self._blocks.append("\N{RIGHT DOUBLE QUOTATION MARK}")

    def _ruled_heading(self, node: Node) -> Leave:
        mark = self._blocks.mark

        def leave() -> None:
            self._blocks.end_block()
            self._blocks.underline(mark, _RULES[node.name])

        return leave


def _number(text: str | None, otherwise: int) -> int:
    found = _NUMBER.match(text or "")
    return int(found[1]) if found else otherwise


def _same(url: str, words: str) -> bool:
    """The words are the URL itself, perhaps without its scheme."""
    return _bare(url) == _bare(words)


def _bare(url: str) -> str:
    return re.sub(r"\A(?:https?://|mailto:|tel:)", "", url.strip(), flags=re.IGNORECASE).rstrip("/").casefold()
