"""The blocks of code on the pages that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

TOP = Path(__file__).resolve().parents[1]
# Generated pages show help texts, decisions show what was thought: neither is a sample.
PAGES = [TOP / "README.md", TOP / "docs" / "tutorial.md", *sorted((TOP / "docs" / "how-to").glob("*.md"))]
FENCED = re.compile(r"^( *)```([\w-]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:\A|(?<=\n\n))((?: {4}\S.*\n)+)")


@dataclass(frozen=True)
class Block:
    """``number`` counts the page's blocks in one language, from 1. Indented text is in the language ``indented``."""

    page: Path
    number: int
    language: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.page.stem} {self.language} {self.number}"


def blocks(*languages: str) -> Iterator[Block]:
    """Those of all pages that are in one of the languages."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found = [(language, dedent(code)) for _, language, code in FENCED.findall(text)]
        found += [("indented", dedent(code)) for code in INDENTED.findall(FENCED.sub("", text))]
        for language in languages:
            codes = [code for one, code in found if one == language]
            yield from (Block(page, number, language, code) for number, code in enumerate(codes, 1))
