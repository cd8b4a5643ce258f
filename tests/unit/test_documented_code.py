"""The Python on the pages is Python, and what it imports of ours is there under that name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest

pytestmark = pytest.mark.unit

TOP = Path(__file__).resolve().parents[2]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md")), *sorted((TOP / "examples").rglob("*.md"))]
BLOCK = re.compile(r"^( *)```(?:python|py)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def blocks() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for number, (_, code) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1):
            yield f"{page.relative_to(TOP)} {number}", dedent(code)


BLOCKS = dict(blocks())


def ours(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """Modules of this package with the names that are taken from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "notifier":
            yield from ((node.module or "", name.name) for name in node.names)
        elif isinstance(node, ast.Import):
            yield from ((name.name, None) for name in node.names if name.name.split(".")[0] == "notifier")


@pytest.mark.parametrize("where", BLOCKS)
def test_a_block_is_python_and_imports_what_there_is(where: str) -> None:
    # An ellipsis stands for what is the reader's.
    tree = ast.parse(BLOCKS[where].replace("…", "..."))
    for module, name in ours(tree):
        found = import_module(module)
        assert name is None or hasattr(found, name) or find_spec(f"{module}.{name}")
