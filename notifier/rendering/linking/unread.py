"""What gives names that nothing reads any more, and could not raise, goes: bodies of macros in their places leave much of it."""

from __future__ import annotations

from collections.abc import Iterable

from jinja2 import nodes

from notifier.rendering.linking.trees import loaded, stored

_CANNOT_RAISE = (nodes.Name, nodes.Const)


def without_unread(body: list[nodes.Node], may_go: Iterable[nodes.Node]) -> list[nodes.Node]:
    """The statements without those of ``may_go``, constants and arguments whose names are not read. ``body`` is changed."""
    dropping = _Dropping(may_go)
    while dropping.some:
        body = dropping.once(body)
    return body


class _Dropping:
    """``some``: something went, so that what it read may not be read any more."""

    def __init__(self, may_go: Iterable[nodes.Node]) -> None:
        self._may_go = {id(node) for node in may_go}
        self._read: set[str] = set()
        self.some = True

    def once(self, body: list[nodes.Node]) -> list[nodes.Node]:
        self._read, self.some = loaded(body), False
        return self._within(body)

    def _within(self, body: list[nodes.Node]) -> list[nodes.Node]:
        kept = [node for node in body if not self._goes(node)]
        self.some = self.some or len(kept) < len(body)
        for node in kept:
            if isinstance(node, nodes.With):
                self._narrow(node)
            for name, value in node.iter_fields():
                if isinstance(value, list) and any(isinstance(one, nodes.Stmt) for one in value):
                    setattr(node, name, self._within(value))
        return kept

    def _goes(self, node: nodes.Node) -> bool:
        idle = id(node) in self._may_go or (isinstance(node, nodes.Assign) and _gives_constants(node))
        return idle and self._read.isdisjoint(stored([node]))

    def _narrow(self, node: nodes.With) -> None:
        pairs = zip(node.targets, node.values, strict=True)
        kept = [(target, value) for target, value in pairs if not self._is_idle(target, value)]
        self.some = self.some or len(kept) < len(node.targets)
        node.targets, node.values = [target for target, _ in kept], [value for _, value in kept]

    def _is_idle(self, target: nodes.Expr, value: nodes.Expr) -> bool:
        return isinstance(target, nodes.Name) and target.name not in self._read and isinstance(value, _CANNOT_RAISE)


def _gives_constants(node: nodes.Assign) -> bool:
    match node:
        case nodes.Assign(target=nodes.Name(), node=nodes.Const()):
            return True
        case nodes.Assign(target=nodes.Tuple(items=names), node=nodes.Tuple(items=values)):
            all_names = all(isinstance(one, nodes.Name) for one in names)
            return all_names and len(names) == len(values) and all(isinstance(one, nodes.Const) for one in values)
        case _:
            return False
