"""MJML compiled while its Jinja stands for itself, where that gives what compiling each mail would.

Jinja may stand in the text of elements that end the MJML (`mj-text` and its kind), and in attributes that MJML only hands on. What
decides about MJML's own elements, columns whose number a loop makes, is `NotAtLoad`: those mails are compiled one by one.
"""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Callable

from notifier.rendering.html_tokens import EndTag, StartTag, placed_tokens
from notifier.rendering.html_tree import VOID
from notifier.rendering.inlined_source import JINJA, JINJA_LEFT_OVER, MASK, QUOTED, NotAtLoad, masked

Compile = Callable[[str], str]

_TEXTS = frozenset((
    "mj-text", "mj-button", "mj-table", "mj-raw", "mj-title", "mj-preview", "mj-accordion-title", "mj-accordion-text",
    "mj-navbar-link", "mj-social-element",
))  # fmt: skip
_HANDED_ON = frozenset(("href", "src", "alt", "title", "rel", "target", "name"))
_STATEMENTS_BEFORE = re.compile(r"\s*(?:\{[%#](?:(?![%#]\}).)*[%#]\}\s*)*(?=<mjml)", re.DOTALL)
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)((?:(?!%\}).)*)%\}", re.DOTALL)
_BRANCHES = ("else", "elif", "pluralize")
_BLOCKS = ("if", "for", "call", "filter", "macro", "block", "with", "autoescape", "raw", "trans")
# A message to translate is one piece: its markup is the key of the catalog, and is not to be written anew.
_PIECE = re.compile(
    rf"\{{%[-+]?\s*trans\b(?:(?!\{{%[-+]?\s*endtrans\b).)*\{{%[-+]?\s*endtrans\s*[-+]?%\}}|{JINJA.pattern}", JINJA.flags
)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


def compiled(source: str, to_html: Compile) -> str:
    """A template of html. Raises `NotAtLoad`, and what ``to_html`` raises."""
    source = _COMMENT.sub("", source)
    begin = _STATEMENTS_BEFORE.match(source)
    before = begin[0] if begin else ""
    source = source[len(before) :]
    covered = masked(source, _PIECE)
    _check_places(covered)
    _check_nesting(source, covered)
    salt = secrets.token_hex(4)
    pieces: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        pieces.append(found[0])
        return f"jinja{salt}x{len(pieces) - 1}x"

    html = to_html(_PIECE.sub(stand_in, source))
    if JINJA_LEFT_OVER.search(html):
        raise NotAtLoad("its html looks like Jinja")
    mark = re.compile(rf"jinja{salt}x(\d+)x")
    _check_order([int(number) for number in mark.findall(html)], pieces)
    return before + mark.sub(lambda found: pieces[int(found[1])], html)


def _check_places(covered: str) -> None:
    open_elements: list[str] = []
    for token, start, end in placed_tokens(covered):
        text = covered[start:end]
        inside = open_elements[-1] if open_elements else ""
        match token:
            case StartTag():
                if MASK in text:
                    _check_tag(token, text)
                if token.name.startswith("mj") and not token.closed:
                    open_elements.append(token.name)
            case EndTag():
                if token.name == inside:
                    open_elements.pop()
            case _ if MASK in text and inside not in _TEXTS:
                raise NotAtLoad(f"there is Jinja between the parts of {inside or 'the mail'}")


def _check_tag(tag: StartTag, text: str) -> None:
    own = tag.name.startswith("mj")
    values = [name for name, value in tag.attributes.items() if MASK in value and own and name not in _HANDED_ON]
    if values or MASK in QUOTED.sub("", text):
        raise NotAtLoad(f"<{tag.name.split(MASK)[0]}> depends on the mail")


def _check_nesting(source: str, covered: str) -> None:
    """Each tag ends where it began, in the same branch of the same statement: MJML reads all branches as one text."""
    statements = deque((found.start(), found[1], found[2]) for found in _STATEMENT.finditer(source))
    branches = _Branches()
    open_tags: list[tuple[str, int]] = []
    for token, start, _ in placed_tokens(covered):
        while statements and statements[0][0] < start:
            _, name, rest = statements.popleft()
            branches.enter(name, rest)
        if isinstance(token, StartTag) and not token.closed and token.name not in VOID:
            open_tags.append((token.name, branches.here))
        elif isinstance(token, EndTag) and (not open_tags or open_tags.pop() != (token.name, branches.here)):
            raise NotAtLoad(f"</{token.name}> depends on the mail")


class _Branches:
    """Numbers the branches of statements, each with what is in it."""

    def __init__(self) -> None:
        self._stack = [0]
        self._last = 0

    @property
    def here(self) -> int:
        return self._stack[-1]

    def enter(self, name: str, rest: str) -> None:
        """The next statement."""
        ends = name.startswith("end")
        if (ends or name in _BRANCHES) and len(self._stack) > 1:
            self._stack.pop()
        if not ends and (name in _BRANCHES or name in _BLOCKS or (name == "set" and "=" not in rest)):
            self._last += 1
            self._stack.append(self._last)


def _check_order(found: list[int], pieces: list[str]) -> None:
    """A value may come twice; a statement stands where it stood."""
    statements = [number for number in found if pieces[number].startswith("{%")]
    if set(found) != set(range(len(pieces))) or statements != sorted(set(statements)):
        raise NotAtLoad("MJML moves or drops what Jinja marks")
