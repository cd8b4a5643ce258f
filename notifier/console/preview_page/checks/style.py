"""CSS as far as checks need it: declarations, rules with their media, and at-rules. Linear, and never an error.

What cannot be read is passed over, as a mail client does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# A semicolon inside of quotes or brackets ends nothing: url(data:image/png;base64,…). Possessive, so that no text is read twice.
_DECLARATION = re.compile(
    r"""(?P<name>-{0,2}[a-zA-Z_][\w-]*+)\s*+:\s*+(?P<value>(?:[^;"'()]++|"[^"]*+"|'[^']*+'|\([^()]*+\))*)"""
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
_PIECE = re.compile(r"([^{};]*+)([{};]|\Z)")
MAX_RULES = 2000


@dataclass(frozen=True, slots=True)
class Rule:
    """A selector (one of those between commas) and what it sets. ``media`` is the text after ``@media``, lower case."""

    selector: str
    declarations: Mapping[str, str]
    media: str
    line: int


@dataclass(frozen=True, slots=True)
class AtRule:
    """``name`` without the ``@``."""

    name: str
    line: int


def declarations(text: str) -> dict[str, str]:
    """Property to value, both in lower case; the last of a name wins, as it does in a browser."""
    return {found["name"].lower(): found["value"].strip().lower() for found in _DECLARATION.finditer(text)}


def read_stylesheet(text: str, first_line: int) -> Iterator[Rule | AtRule]:
    """The rules of a ``style`` element that begins at that line, in order."""
    text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    line, groups, count = first_line, [""], 0
    for prelude, end in _PIECE.findall(text):
        head, here = prelude.strip(), line + _leading_lines(prelude)
        line += prelude.count("\n")
        if end == "{":
            if head.startswith("@"):
                yield AtRule(_at_name(head), here)
            groups.append(head)
        elif head.startswith("@"):
            yield AtRule(_at_name(head), here)
        elif head and len(groups) > 1 and not groups[-1].startswith("@media") and count < MAX_RULES:
            for rule in _rules(groups, head, here):
                count += 1
                yield rule
        if end == "}" and len(groups) > 1:
            groups.pop()


def _rules(groups: list[str], body: str, line: int) -> Iterator[Rule]:
    """One declaration of a block: blocks are read a declaration at a time, each with its own line."""
    media = " and ".join(group[6:].strip() for group in groups if group.startswith("@media")).lower()
    found = declarations(body)
    if found:
        for selector in groups[-1].split(",")[:MAX_RULES]:
            yield Rule(selector.strip(), found, media, line)


def _leading_lines(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")


def _at_name(head: str) -> str:
    found = re.match(r"@([\w-]+)", head)
    return found[1].lower() if found else ""
