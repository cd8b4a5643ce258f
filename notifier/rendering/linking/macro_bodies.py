"""Of macros: what a call gives to which name, and whether a body may stand where it is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer

from notifier.rendering.linking.modules import Module, plain
from notifier.rendering.linking.trees import everything, loaded, stored

_NOT_IN_A_MACRO = (
    nodes.Include, nodes.Import, nodes.FromImport, nodes.Block, nodes.Extends, nodes.CallBlock, nodes.Macro, nodes.FilterBlock,
    nodes.EvalContextModifier, nodes.NSRef, nodes.ContextReference, nodes.DerivedContextReference,
)  # fmt: skip
_SPECIAL = {"caller", "varargs", "kwargs"}


def arguments(macro: nodes.Macro, call: nodes.Call) -> dict[str, nodes.Expr] | None:
    """Each of the macro's names with what it is given; None where Jinja2 has to tell, or to complain."""
    names = [argument.name for argument in macro.args]
    keywords = {keyword.key: keyword.value for keyword in call.kwargs}
    given = dict(zip(names, call.args, strict=False))
    defaults = dict(zip(names[len(names) - len(macro.defaults) :], macro.defaults, strict=True))
    odd = call.dyn_args is not None or call.dyn_kwargs is not None or len(call.args) > len(names)
    if odd or keywords.keys() - set(names) or keywords.keys() & given.keys() or len(keywords) != len(call.kwargs):
        return None
    whole = {**defaults, **given, **keywords}
    used = [value for name, value in defaults.items() if whole[name] is value]
    if whole.keys() != set(names) or not all(_plain_default(value) for value in used):
        return None
    return {name: whole[name] for name in names}


def _plain_default(node: nodes.Expr) -> bool:
    try:
        return plain(node.as_const())
    except Exception:  # noqa: BLE001 - it depends on other names
        return False


def may_be_read_in(value: nodes.Node, body: list[nodes.Node]) -> TypeGuard[nodes.Name]:
    """True for a caller's name that means the same in the macro's body, where loops have a ``loop`` of their own."""
    if not isinstance(value, nodes.Name):
        return False
    return value.name != "loop" or not any(isinstance(node, nodes.For) for node in everything(body))


def outside_loops(body: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    """The expressions that stand in no loop's body."""
    for node in body:
        if isinstance(node, nodes.Expr):
            yield node
        else:
            yield from outside_loops(node.iter_child_nodes(exclude=("body",) if isinstance(node, nodes.For) else ()))


def may_stand_elsewhere(macro: nodes.Macro, module: Module, environment: Environment) -> bool:
    """Nothing in it is bound to where it stands, and no name of its own is one of its file's before."""
    inside = list(everything(macro.body))
    if any(isinstance(node, _NOT_IN_A_MACRO) for node in inside) or _SPECIAL & loaded(macro.body):
        return False
    own = set(stored(macro.body)) - {argument.name for argument in macro.args}
    outside = module.names | set(environment.globals)
    return "loop" not in own and not any(_read_outside_its_loops(macro.body, name) for name in own & outside)


def _read_outside_its_loops(body: Iterable[nodes.Node], name: str) -> bool:
    """True where the name may be that of the file, and not the variable of a loop."""
    for node in body:
        if isinstance(node, nodes.For) and name in stored([node.target]):
            inside = node.iter_child_nodes(exclude=("target", "body", "test"))
        elif isinstance(node, nodes.Name) and node.name == name:
            return True
        else:
            inside = node.iter_child_nodes()
        if _read_outside_its_loops(inside, name):
            return True
    return False


class Items(NodeTransformer):
    """The items of a list become names of their own."""

    def __init__(self, name: str, names: dict[int, str]) -> None:
        self._name = name
        self._names = names

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        match node:
            case nodes.Getitem(node=nodes.Name(name=name), arg=nodes.Const(value=int() as number)) if (
                name == self._name and number in self._names
            ):
                return nodes.Name(self._names[number], "load", lineno=node.lineno, environment=node.environment)
            case _:
                return self.generic_visit(node)
