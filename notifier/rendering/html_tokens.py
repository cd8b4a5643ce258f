"""HTML to tokens as a browser's tokenizer finds them (WHATWG HTML, 13.2.5): never an error, and in time linear in the input.

The standard library's ``html.parser`` is neither on the Pythons that we run on: it raises for ``<![x`` and takes the square of
the length over unclosed comments and tags.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StartTag:
    """``name`` and the attributes' names in lower case; ``closed`` is ``<name/>``."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False


@dataclass(frozen=True, slots=True)
class EndTag:
    """``</name>``, in lower case."""

    name: str


Token = StartTag | EndTag | str

_BLANK = r"\t\n\f\r "
_TAG_NAME = re.compile(rf"[A-Za-z][^{_BLANK}/>]*+")
_ATTRIBUTE = re.compile(rf"[{_BLANK}/]*+([^{_BLANK}/>][^{_BLANK}/>=]*+)(?:[{_BLANK}]*+(=)[{_BLANK}]*+)?")
_TAG_END = re.compile(rf"[{_BLANK}/]*+>")
_UNQUOTED = re.compile(rf"[^{_BLANK}>]*+")
_COMMENT_END = re.compile(r"--!?>")
_REFERENCE = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[A-Za-z][A-Za-z0-9]{0,31};)")
_HUGE_NUMBER = re.compile(r"&#[0-9]{8,}+;?")  # `int` refuses thousands of digits
_RAW = ("script", "style", "xmp", "iframe", "noembed", "noframes")
_RAW_ENDS = {name: re.compile(rf"</{name}(?=[{_BLANK}/>])", re.IGNORECASE) for name in (*_RAW, "title", "textarea")}


def tokens(source: str) -> Iterator[Token]:
    """Tags, and text with its character references resolved; comments and declarations are left out."""
    return (token for token, _, _ in placed_tokens(source))


def placed_tokens(source: str) -> Iterator[tuple[Token, int, int]]:
    """The tokens, each with its place: from, to."""
    at = 0
    while at < len(source):
        mark = source.find("<", at)
        mark = len(source) if mark < 0 else mark
        if mark > at:
            yield _unescaped(source[at:mark]), at, mark
        token, at = _markup(source, mark)
        if token is not None:
            yield token, mark, at
        if isinstance(token, StartTag) and token.name in _RAW_ENDS:
            end = _RAW_ENDS[token.name].search(source, at)
            stop = end.start() if end else len(source)
            text = source[at:stop]
            yield text if token.name in _RAW else _unescaped(text), at, stop
            at = stop


def attribute_place(source: str, mark: int, wanted: str) -> tuple[int, int] | None:
    """From where to where the attribute stands, name and value, in the tag that begins at ``mark``."""
    name = _TAG_NAME.match(source, mark + 1)
    at = name.end() if name else len(source)
    while not _TAG_END.match(source, at) and (found := _ATTRIBUTE.match(source, at)):
        at = _value(source, found.end())[1] if found[2] else found.end()
        if at < 0:
            break
        if found[1].lower() == wanted:
            return found.start(1), at
    return None


def _markup(source: str, mark: int) -> tuple[Token | None, int]:
    """What begins at the ``<`` of ``mark``, and where it ends."""
    following = source[mark + 1 : mark + 3]
    if source.startswith("<!--", mark):
        return None, _after_comment(source, mark)
    if following[:1] in ("!", "?") and following:
        return None, _after(source, ">", mark)
    if following[:1] == "/":
        if _TAG_NAME.match(following, 1):
            return _end_tag(source, mark)
        return None, _after(source, ">", mark)
    if following[:1].isascii() and following[:1].isalpha():
        return _start_tag(source, mark)
    return (source[mark : mark + 1] or None), mark + 1


def _after(source: str, mark: str, at: int) -> int:
    found = source.find(mark, at)
    return len(source) if found < 0 else found + len(mark)


def _after_comment(source: str, mark: int) -> int:
    for short in ("<!-->", "<!--->"):
        if source.startswith(short, mark):
            return mark + len(short)
    end = _COMMENT_END.search(source, mark + 4)
    return end.end() if end else len(source)


def _end_tag(source: str, mark: int) -> tuple[Token | None, int]:
    name = _TAG_NAME.match(source, mark + 2)
    if name is None:
        return None, len(source)
    _, _, at = _attributes(source, name.end())
    return (EndTag(name[0].lower()), at) if at >= 0 else (None, len(source))


def _start_tag(source: str, mark: int) -> tuple[Token | None, int]:
    name = _TAG_NAME.match(source, mark + 1)
    if name is None:
        return None, len(source)
    attributes, closed, at = _attributes(source, name.end())
    return (StartTag(name[0].lower(), attributes, closed), at) if at >= 0 else (None, len(source))


def _attributes(source: str, at: int) -> tuple[dict[str, str], bool, int]:
    """The attributes, whether ``/>`` ends the tag, and where; -1 where the document ends in the middle of it."""
    found: dict[str, str] = {}
    while True:
        end = _TAG_END.match(source, at)
        if end:
            return found, end[0].endswith("/>"), end.end()
        name = _ATTRIBUTE.match(source, at)
        if name is None:
            return found, False, -1
        value, at = _value(source, name.end()) if name[2] else ("", name.end())
        if at < 0:
            return found, False, -1
        found.setdefault(name[1].lower(), value)


def _value(source: str, at: int) -> tuple[str, int]:
    quote = source[at : at + 1]
    if quote in ('"', "'") and quote:
        end = source.find(quote, at + 1)
        return (_resolved(source[at + 1 : end]), end + 1) if end >= 0 else ("", -1)
    bare = _UNQUOTED.match(source, at)
    return (_resolved(bare[0]), bare.end()) if bare else ("", at)


def _resolved(value: str) -> str:
    """In an attribute ``&copy=1`` is the next parameter of a URL, and no sign."""
    return _REFERENCE.sub(lambda found: _unescaped(found[0]), value) if "&" in value else value


def _unescaped(text: str) -> str:
    return html.unescape(_HUGE_NUMBER.sub("\N{REPLACEMENT CHARACTER}", text)) if "&" in text else text
