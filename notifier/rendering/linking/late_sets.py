"""Names that are read before they are set.

In one piece of code a name has one variable in a frame: what stands in an inner frame would find it empty, where an included file,
a block or a macro asks the context.
"""

from __future__ import annotations

from collections.abc import Iterable

from jinja2 import nodes

from notifier.rendering.linking.trees import NotLinked, loaded, set_by

_SAME_FRAME = (nodes.If, nodes.ScopedEvalContextModifier)


def check_no_late_sets(body: Iterable[nodes.Node]) -> None:
    """The statements of a frame and of those in it. Raises `NotLinked`."""
    _walk(body, set(), set())


def _walk(body: Iterable[nodes.Node], read: set[str], done: set[str]) -> None:
    for node in body:
        if isinstance(node, _SAME_FRAME):
            read |= loaded(node.iter_child_nodes(exclude=("body", "elif_", "else_")))
            for statements in _bodies(node):
                _walk(statements, read, done)
            continue
        for statements in _bodies(node):
            _walk(statements, set(), set() if _is_of_a_file(node) else set(done))
        _check(node, read, done)


def _is_of_a_file(node: nodes.Node) -> bool:
    """True for a block and an included file, to which Jinja2 gives variables of their own."""
    return isinstance(node, nodes.With) and not node.targets


def _check(node: nodes.Node, read: set[str], done: set[str]) -> None:
    now = set_by(node)
    # `set x = x or 1` reads it in this very frame.
    before = set(read) if isinstance(node, nodes.Assign) and node.find(nodes.Call) is None else read | loaded([node])
    if now & before - done:
        raise NotLinked("a name is read before it is set")
    read |= loaded([node])
    done |= now


def _bodies(node: nodes.Node) -> list[list[nodes.Node]]:
    lists = [value for _, value in node.iter_fields() if isinstance(value, list)]
    return [value for value in lists if any(isinstance(one, nodes.Stmt) for one in value)]
