"""What no file of a linked template may hold, for a copy of a value would not be the value."""

from __future__ import annotations

import re

from jinja2 import nodes

from notifier.rendering.linking.trees import OWN, NotLinked, everything, stored

# Filters that make an iterator: whoever reads it first has it.
_READ_ONCE = {"map", "select", "reject", "selectattr", "rejectattr", "batch", "slice", "unique", "items", "reverse"}
_KEEPING = (
    nodes.Assign, nodes.With, nodes.Call, nodes.Keyword, nodes.List, nodes.Tuple, nodes.Pair, nodes.CondExpr, nodes.And, nodes.Or,
)  # fmt: skip
_OWN_NAME = re.compile(rf"{OWN}\d")


def check_fit(tree: nodes.Template) -> None:
    """Raises `NotLinked`."""
    if any(_OWN_NAME.search(name) for name in stored([tree])):
        raise NotLinked("it has names of the linker's kind")
    for node in everything([tree]):
        match node:
            case nodes.EvalContextModifier():
                raise NotLinked("it sets its own rule of escaping")
            case nodes.Test(name="sameas") | nodes.Const(value="sameas"):
                raise NotLinked("it asks whether two values are the same one")
            case _ if isinstance(node, _KEEPING) and any(map(_is_read_once, node.iter_child_nodes())):
                raise NotLinked("it keeps what can be read only once")


def _is_read_once(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Filter) and node.name in _READ_ONCE
