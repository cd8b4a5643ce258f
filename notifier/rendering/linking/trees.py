"""What linking does with syntax trees: copy them, tell the names in them, give names others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from jinja2 import nodes

Tree = TypeVar("Tree", bound=nodes.Node)


OWN = "__linked_"  # in the names that linking gives; no file has such


class NotLinked(Exception):
    """The template is rendered as Jinja2 renders it; the text says why."""


def copied(node: Tree) -> Tree:
    """The tree anew; its environment stays the same object."""
    copy = object.__new__(type(node))
    for name, value in vars(node).items():
        setattr(copy, name, _copied_field(value))
    return copy


def _copied_field(value: object) -> object:
    if isinstance(value, nodes.Node):
        return copied(value)
    if type(value) is list:
        return [_copied_field(one) for one in value]
    return value


_LEAVES = (nodes.Name, nodes.NSRef, nodes.Const, nodes.TemplateData)
_STORING = (nodes.Name, nodes.Import, nodes.FromImport, nodes.Macro)


def everything(body: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    """Every node of the trees, a parent before its children."""
    todo = list(body)
    todo.reverse()
    while todo:
        node = todo.pop()
        yield node
        if type(node) in _LEAVES:
            continue
        # As `iter_child_nodes`, without its two generators for each node: linking asks for all nodes again and again.
        found: list[nodes.Node] = []
        for field in node.fields:
            value = getattr(node, field, None)
            if type(value) is list:
                found += [one for one in value if isinstance(one, nodes.Node)]
            elif isinstance(value, nodes.Node):
                found.append(value)
        found.reverse()
        todo += found


def loaded(body: Iterable[nodes.Node]) -> set[str]:
    """The names that are read."""
    named = (node for node in everything(body) if isinstance(node, (nodes.Name, nodes.NSRef)))
    return {node.name for node in named if isinstance(node, nodes.NSRef) or node.ctx == "load"}


def stored(body: Iterable[nodes.Node]) -> Counter[str]:
    """The names that are given a value, each as often as it is."""
    storing = (node for node in everything(body) if type(node) in _STORING)
    return Counter(name for node in storing for name in _stores(node))


def stored_outside_macros(body: Iterable[nodes.Node]) -> Counter[str]:
    """As `stored`, without what is in the macros."""
    found: Counter[str] = Counter()
    for node in body:
        found.update(_stores(node))
        if not isinstance(node, nodes.Macro):
            found.update(stored_outside_macros(node.iter_child_nodes()))
    return found


def set_by(node: nodes.Node) -> set[str]:
    """The names that a statement sets in the frame that it stands in."""
    if isinstance(node, (nodes.Assign, nodes.AssignBlock)):
        return set(stored([node.target]))
    return set(_stores(node))


def _stores(node: nodes.Node) -> list[str]:
    match node:
        case nodes.Name() if node.ctx != "load":
            return [node.name]
        case nodes.Import():
            return [node.target]
        case nodes.FromImport():
            return [alias for _, alias in imported(node)]
        case nodes.Macro():
            return [node.name]
        case _:
            return []


def imported(node: nodes.FromImport) -> list[tuple[str, str]]:
    """Each name with the name that it has here."""
    return [name if isinstance(name, tuple) else (name, name) for name in node.names]


def renamed(body: Iterable[nodes.Node], names: Mapping[str, str]) -> None:
    """Give the names others, in place."""
    for node in everything(body):
        if isinstance(node, (nodes.Name, nodes.NSRef)):
            node.name = names.get(node.name, node.name)
