"""A number of the pool or of its sessions is an option, a setting, or told with its reason: `docs/reference/fixed.py`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP))

from docs.reference.fixed import FIXED  # noqa: E402 - the top of the tree is no package of the suite

# Their values, and not another's: the relay's own protocol, or the system's.
OF_OTHERS = {"notifier.smtp.certificate_chain._DER"}


def numbers() -> Iterator[str]:
    for path in (*TOP.glob("notifier/pool/*.py"), *TOP.glob("notifier/smtp/*.py"), TOP / "notifier/store/limits.py"):
        module = ".".join(path.relative_to(TOP).with_suffix("").parts)
        yield from (f"{module}.{name}" for name in named_numbers(ast.parse(path.read_text(encoding="utf-8"))))


def named_numbers(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and is_number(node.value):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return is_number(node.left) and is_number(node.right)
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def test_each_number_that_nobody_can_set_is_told_with_its_reason() -> None:
    told = [name for one in FIXED for name in one.names]
    assert len(told) == len(set(told))
    assert set(numbers()) - OF_OTHERS == {name for name in told if not name.startswith("notifier.tasks.")}
    assert all(one.why.endswith(".") for one in FIXED)
