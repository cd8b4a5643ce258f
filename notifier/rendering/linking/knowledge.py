"""What is known of a file's names at a place of it, and what its expressions are worth by that, for every mail."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from inspect import unwrap
from typing import Any

from jinja2 import Environment, Undefined, nodes
from jinja2.filters import FILTERS
from jinja2.nodes import EvalContext
from jinja2.runtime import new_context
from jinja2.tests import TESTS
from jinja2.visitor import NodeTransformer
from markupsafe import escape

from notifier.rendering.linking.modules import UNKNOWN, Module, plain, scalar

# Filters that pick items, and which of their arguments names the test.
_PICKING = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}


class Turn(dict[str, Any]):
    """What ``loop`` knows of one turn of a loop over values that are known."""

    def __init__(self, number: int, turns: int) -> None:
        super().__init__(
            index0=number, index=number + 1, revindex0=turns - number - 1, revindex=turns - number,
            first=number == 0, last=number == turns - 1, length=turns,
        )  # fmt: skip


@dataclass(slots=True)
class Scope:
    """What the names of a file are at a place of it."""

    environment: Environment
    escaped: bool
    values: MutableMapping[str, Any] = field(default_factory=dict)
    macros: MutableMapping[str, tuple[Module, nodes.Macro]] = field(default_factory=dict)
    modules: MutableMapping[str, Module] = field(default_factory=dict)

    def inner(self) -> Scope:
        """For statements that may not run."""
        return Scope(
            self.environment,
            self.escaped,
            ChainMap({}, self.values),
            ChainMap({}, self.macros),
            ChainMap({}, self.modules),
        )

    def folded(self, node: Any) -> Any:
        """The expression, or the statement with all its expressions, as far as they are known."""
        return _Folding(self).visit(node)

    def value(self, node: nodes.Node) -> Any:
        """What the expression is worth for every mail, or `UNKNOWN`."""
        match node:
            case nodes.Name():
                return self.values.get(node.name, UNKNOWN)
            case nodes.Getattr(node=nodes.Name(name=name)) if name in self.modules:
                return self.modules[name].value(node.attr)
            case nodes.Getattr():
                return self._looked_up(node.node, node.attr)
            case nodes.Getitem() if (key := self.value(node.arg)) is not UNKNOWN:
                return self._looked_up(node.node, key)
            case _:
                return self.constant(node)

    def _looked_up(self, node: nodes.Node, key: Any) -> Any:
        """An element of a container; a method is none."""
        container = self.value(node)
        try:
            found = container[key] if type(container) in {dict, list, tuple, Turn} else UNKNOWN
        except (LookupError, TypeError):
            return UNKNOWN
        return UNKNOWN if isinstance(key, str) and hasattr(container, key) else found

    def constant(self, node: nodes.Node) -> Any:
        """What Jinja2 itself makes of the expression without a mail, or `UNKNOWN`."""
        try:
            context = EvalContext(self.environment)
            context.autoescape = self.escaped
            found = node.as_const(context) if isinstance(node, nodes.Expr) else UNKNOWN
        except Exception:  # noqa: BLE001 - it is not constant, or wrong: that is told when it is rendered
            return UNKNOWN
        return UNKNOWN if isinstance(found, Undefined) else found

    def text(self, body: Iterable[nodes.Node]) -> str | None:
        """What the statements print for every mail; None where they do not print the same."""
        pieces: list[str | None] = []
        for node in body:
            match node:
                case nodes.Output():
                    pieces += map(self._printed, node.nodes)
                case nodes.With(targets=[]):
                    pieces.append(self.text(node.body))
                case _:
                    return None
        known = [piece for piece in pieces if piece is not None]
        return "".join(known) if len(known) == len(pieces) else None

    def _printed(self, node: nodes.Node) -> str | None:
        value = self.constant(node)
        return None if value is UNKNOWN else str(escape(value) if self.escaped else value)

    def picked(self, node: nodes.Filter) -> Any:
        """The known items that a test of Jinja2's own picks, as a list, or `UNKNOWN`. Jinja2 itself folds no filter that is given a
        context, for one of somebody's might read it.
        """
        match node:
            case nodes.Filter(name="list", node=nodes.Filter(kwargs=[], dyn_args=None, dyn_kwargs=None) as picking) if (
                _picks(picking, self.environment) and not (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)
            ):
                return self._picked_by(picking)
            case _:
                return UNKNOWN

    def _picked_by(self, picking: nodes.Filter) -> Any:
        items = UNKNOWN if picking.node is None else self.value(picking.node)
        try:
            words = [one.as_const() for one in picking.args]
            nobody = new_context(self.environment, None, {})
            found = (
                list(self.environment.call_filter(picking.name, items, words, context=nobody))
                if plain(items)
                else UNKNOWN
            )
        except Exception:  # noqa: BLE001 - as in `constant`
            return UNKNOWN
        return found if plain(found) else UNKNOWN


def _picks(node: nodes.Filter, environment: Environment) -> bool:
    """True for a filter that depends on nothing but what it is given."""
    at = _PICKING.get(node.name)
    if at is None or unwrap(environment.filters[node.name]) is not unwrap(FILTERS[node.name]):
        return False
    test = node.args[at] if len(node.args) > at else None
    return test is None or (
        isinstance(test, nodes.Const) and environment.tests.get(test.value) is TESTS.get(test.value)
    )


class _Folding(NodeTransformer):
    """Expressions whose worth is known become it."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def visit_Name(self, node: nodes.Name) -> nodes.Expr:  # noqa: N802 - Jinja2's visitors are called so
        return self._worth(node) if node.ctx == "load" else node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802
        worth = self._worth(node)
        return worth if worth is not node else self._in_a_constant(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        worth = self._worth(node)
        return worth if worth is not node else self._in_a_constant(node)

    def _in_a_constant(self, node: nodes.Getattr | nodes.Getitem) -> nodes.Node:
        """What a container that is known does not have is undefined, and that is known as well."""
        container = self._scope.value(node.node)
        if plain(container):
            node.node = nodes.Const(container, lineno=node.lineno, environment=node.environment)
        return self.generic_visit(node)

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        picked = self._scope.picked(node)
        return node if picked is UNKNOWN else nodes.Const(picked, lineno=node.lineno, environment=node.environment)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802
        node.test = self.visit(node.test)
        known = self._scope.constant(node.test)
        if known is not UNKNOWN and (known or node.expr2 is not None):
            return self.visit(node.expr1 if known else node.expr2)  # type: ignore[arg-type, no-any-return]
        node.expr1 = self.visit(node.expr1)
        node.expr2 = self.visit(node.expr2) if node.expr2 is not None else None
        return node

    def _worth(self, node: nodes.Expr) -> nodes.Expr:
        value = self._scope.value(node)
        return nodes.Const(value, lineno=node.lineno, environment=node.environment) if scalar(value) else node


class Constants(NodeTransformer):
    """Names become what they are worth, containers too."""

    def __init__(self, values: MutableMapping[str, Any]) -> None:
        self._values = values

    def visit_Name(self, node: nodes.Name) -> nodes.Expr:  # noqa: N802
        if node.ctx != "load" or not plain(self._values.get(node.name, UNKNOWN)):
            return node
        return nodes.Const(self._values[node.name], lineno=node.lineno, environment=node.environment)
