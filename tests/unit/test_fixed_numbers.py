"""A number of the pool or of its sessions is an option, a setting, or told with its reason: `docs/reference/fixed.py`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP))

from docs.reference.fixed import FIXED  # noqa: E402 - the top of the tree is no package of the suite

# Numbers that others have given, and that stand in what is read.
OF_OTHERS = ("notifier.smtp.der.", "notifier.smtp.tlsa.")


def numbers() -> Iterator[str]:
    for path in (*TOP.glob("notifier/pool/*.py"), *TOP.glob("notifier/smtp/*.py"), TOP / "notifier/store/limits.py"):
        module = ".".join(path.relative_to(TOP).with_suffix("").parts)
        yield from (f"{module}.{name}" for name in named_numbers(ast.parse(path.read_text(encoding="utf-8"))))


def named_numbers(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and all(map(is_number, alone_or_all(node.value))):
            names = (name for target in node.targets for name in alone_or_all(target))
            yield from (name.id for name in names if isinstance(name, ast.Name) and not name.id.startswith("_"))


def alone_or_all(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return is_number(node.left) and is_number(node.right)
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def test_each_number_that_nobody_can_set_is_told_with_its_reason() -> None:
    told = [name for one in FIXED for name in one.names]
    assert len(told) == len(set(told))
    assert {name for name in numbers() if not name.startswith(OF_OTHERS)} == {
        name for name in told if not name.startswith("notifier.tasks.")
    }
    assert all(one.why.endswith(".") for one in FIXED)
