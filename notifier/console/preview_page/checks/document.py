"""A mail's html as a flat list of elements that know what they stand in. Linear, and never an error, whatever comes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from notifier.console.preview_page.checks.style import AtRule, Rule, declarations, read_stylesheet

MAX_CHARACTERS = 300_000  # what is longer is cut off: three times what Gmail shows

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_UNSEEN = frozenset({"head", "title", "style", "script", "template"})
_CELLS = frozenset({"td", "th"})
# Ends that may be left out (HTML section 13.1.2.4): what begins ends what is open.
_ENDS = {
    **dict.fromkeys(("td", "th"), _CELLS),
    **dict.fromkeys(("tr", "tbody", "tfoot"), _CELLS | {"tr"}),
    **dict.fromkeys(("dt", "dd"), frozenset({"dt", "dd"})),
    "li": frozenset({"li"}),
    "option": frozenset({"option"}),
    "p": frozenset({"p"}),
}
_MSO_TABLE = re.compile(r"\A\[if [^\]]*mso.*<table", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True, eq=False)
class Element:
    """``texts`` are its own, without those of the elements in it; ``hidden``: nobody sees it."""

    name: str
    attributes: dict[str, str]
    line: int
    parent: Element | None = None
    texts: list[str] = field(default_factory=list)
    style: dict[str, str] = field(default_factory=dict)
    hidden: bool = False
    link: Element | None = None  # the `a` around it, or itself
    table: Element | None = None  # the table around it, or itself
    label: list[str] = field(
        default_factory=list
    )  # of a link, a heading or a title: what it says, and what its images say
    has_headings: bool = False  # of a table

    @property
    def classes(self) -> list[str]:
        """The names in its ``class``."""
        return self.attributes.get("class", "").split()


@dataclass(slots=True)
class Document:
    """What the checks look at."""

    elements: list[Element] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    at_rules: list[AtRule] = field(default_factory=list)
    has_ghost_tables: bool = False  # Outlook for Windows has tables of its own, in comments for it alone

    def named(self, *names: str) -> Iterator[Element]:
        """The elements of these names."""
        return (element for element in self.elements if element.name in names)

    @property
    def visible_text(self) -> str:
        """What a reader sees."""
        return " ".join(text for element in self.elements if not element.hidden for text in element.texts)


def read_document(html: str) -> Document:
    """The document, as far as it can be read."""
    reader = _Reader()
    try:
        reader.feed(_whole(html[:MAX_CHARACTERS]))
        reader.close()
    except AssertionError:  # html.parser's own, for a marked section that it does not know; what was read so far stands
        pass
    document = reader.document
    for style in document.named("style"):
        for rule in read_stylesheet("".join(style.texts), style.line):
            if isinstance(rule, Rule):
                document.rules.append(rule)
            else:
                document.at_rules.append(rule)
    return document


def _whole(html: str) -> str:
    """Without a comment or a tag that never ends: a browser shows none of it, and html.parser would look for the end of
    each that begins in it again (CVE-2025-6069).
    """
    start = html.find("<!--", max(0, html.rfind("-->")))
    html = html if start < 0 else html[:start]
    end = html.rfind(">") + 1
    return html[:end] + html[end:].partition("<")[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.document = Document()
        self._open: list[Element] = []
        self._names: Counter[str] = Counter()  # of what is open: an end tag without its start costs nothing

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        ends = _ENDS.get(tag, frozenset())
        while self._open and self._open[-1].name in ends:
            self._close_last()
        element = self._element(tag, attrs)
        self.document.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)
            self._names[tag] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """``<p/>`` is ``<p>`` to every browser; in an svg it is whole, which no check looks into."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        while self._names[tag]:
            if self._close_last() == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].texts.append(data)
            self._say(self._open[-1], data)
        elif data.strip():
            self._bare(data)

    def handle_comment(self, data: str) -> None:
        if _MSO_TABLE.match(data):
            self.document.has_ghost_tables = True

    def _bare(self, data: str) -> None:
        """Text that stands in no element at all."""
        elements = self.document.elements
        if not elements or elements[-1].name:
            elements.append(Element("", {}, self.getpos()[0]))
        elements[-1].texts.append(data)

    def _close_last(self) -> str:
        name = self._open.pop().name
        self._names[name] -= 1
        return name

    def _element(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        parent = self._open[-1] if self._open else None
        element = Element(tag, {}, self.getpos()[0], parent)
        for name, value in attrs:
            element.attributes.setdefault(name, value or "")  # a browser takes the first of a name
        element.style = declarations(element.attributes.get("style", ""))
        if parent is not None:
            element.hidden, element.link, element.table = parent.hidden, parent.link, parent.table
        element.hidden = element.hidden or tag in _UNSEEN or "hidden" in element.attributes
        element.hidden = element.hidden or element.style.get("display", "").startswith("none")
        self._place(element)
        return element

    def _place(self, element: Element) -> None:
        if element.name in {"th", "caption"} and element.table is not None:
            element.table.has_headings = True
        if element.name == "table":
            element.table = element
        if element.name == "a":
            element.link = element
        for name in ("alt", "aria-label", "title"):
            self._say(element, element.attributes.get(name, "") if name != "alt" or element.name == "img" else "")

    @staticmethod
    def _say(element: Element, words: str) -> None:
        if words and element.link is not None:
            element.link.label.append(words)
