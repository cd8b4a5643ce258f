"""Regular expressions that every Python from 3.11.0 on reads alike."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import notifier

TOP = Path(notifier.__file__).parent
ONE_CHARACTER = {"LITERAL", "NOT_LITERAL", "IN", "ANY", "CATEGORY", "RANGE"}


def patterns() -> Iterator[tuple[str, str]]:
    """Where each stands that is written out, and what it says."""
    for path in sorted(TOP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "+" in node.value:
                yield f"{path.relative_to(TOP)}:{node.lineno}", node.value


def possessive_groups(parsed: Any) -> Iterator[Any]:
    """What is repeated possessively and is more than a character."""
    for operation, argument in parsed:
        inner = [part for part in (argument if isinstance(argument, tuple | list) else ()) if _is_parsed(part)]
        inner += [part for branch in _branches(operation, argument) for part in branch]
        if str(operation) == "POSSESSIVE_REPEAT":
            _, _, repeated = argument
            if len(repeated) != 1 or str(repeated[0][0]) not in ONE_CHARACTER:
                yield repeated
        for part in inner:
            yield from possessive_groups(part)


def _is_parsed(part: Any) -> bool:
    return type(part).__name__ == "SubPattern"


def _branches(operation: Any, argument: Any) -> list[list[Any]]:
    return [argument[1]] if str(operation) == "BRANCH" else []


@pytest.mark.parametrize("text", [r"(?:ab)*+", r"(?:a|\(b\))++", r"x(?:(?:aa|b){2,3}+)y", r"(?P<n>(?:ab)?+)"])
def test_a_group_that_is_repeated_possessively_is_found(text: str) -> None:
    assert list(possessive_groups(re._parser.parse(text)))  # type: ignore[attr-defined]  # there is no other way to look


@pytest.mark.parametrize("text", [r"[a-z]*+b", r"a++", r"\w?+", r"(?:ab)*", r"(?:[a]++|b)*"])
def test_a_character_that_is_repeated_so_is_not(text: str) -> None:
    assert not list(possessive_groups(re._parser.parse(text)))  # type: ignore[attr-defined]


@pytest.mark.long
def test_no_group_is_repeated_possessively() -> None:
    """Up to Python 3.11.4, which is Debian 12's too, such a one may match nothing (python/cpython#106052)."""
    found = []
    for where, text in patterns():
        try:
            parsed = re._parser.parse(text, re.VERBOSE if "\n" in text else 0)  # type: ignore[attr-defined]
        except re.error:
            continue  # no pattern, or a part of one
        if list(possessive_groups(parsed)):
            found.append(where)
    assert not found
