"""Statements with what is known of them worked out: names of imported files, constants, branches, and macros in their places.

A macro's body stands where it was called, with names that nothing else has. It sees its own file, so that whatever it reads has to
be an argument, a constant or another macro of such a kind; else the call stays a call.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from notifier.rendering.linking.joining import under_rule
from notifier.rendering.linking.knowledge import Constants, Scope, Turn
from notifier.rendering.linking.macro_bodies import Items, arguments, may_be_read_in, may_stand_elsewhere, outside_loops
from notifier.rendering.linking.modules import UNKNOWN, Module, Modules, plain
from notifier.rendering.linking.order import may_be_given_in_turn, may_be_printed_first
from notifier.rendering.linking.trees import OWN, NotLinked, copied, everything, imported, loaded, renamed, stored

_MAX_COPIED = 20_000  # nodes of macros' and loops' bodies, in one template
_MAX_TURNS = 8  # of a loop that is written out
_NUMBERS = {"int", "float"}  # filters that make the same of markup and of text


class Specialiser:
    """Of one template. ``once``: the names that it gives a value only once."""

    def __init__(self, environment: Environment, modules: Modules, once: set[str]) -> None:
        self._environment = environment
        self._modules = modules
        self._once = once
        self._numbers = count()
        self._may_copy = _MAX_COPIED
        self._own_names: set[str] = set()
        self._own_once: set[str] = set()
        self.idle_if_unread: list[nodes.Node] = []  # statements that only give names what is known
        self._open: list[nodes.Macro] = []  # whose bodies are being put in place: none of them goes into itself

    def page(self, body: Iterable[nodes.Node], scope: Scope) -> list[nodes.Node]:
        """The statements of a template's top, which know what those before them have set."""
        return self._body(body, scope)

    def _body(self, body: Iterable[nodes.Node], scope: Scope) -> list[nodes.Node]:
        return [made for node in body for made in self._statement(node, scope)]

    def _statement(self, node: nodes.Node, scope: Scope) -> list[nodes.Node]:
        match node:
            case nodes.Output():
                return self._output(node, scope)
            case nodes.If():
                return self._if(node, scope)
            case nodes.Assign():
                return self._set(node, scope)
            case nodes.For():
                printed, node.iter = self._expression(node.iter, scope)
                return [*printed, *(self._unrolled(node, scope) or [self._compound(node, scope)])]
            case nodes.CallBlock():
                return [node]
            case _:
                return [self._compound(node, scope)]

    def _set(self, node: nodes.Assign, scope: Scope) -> list[nodes.Node]:
        value = node.node
        if isinstance(value, nodes.CondExpr) and value.expr2 is not None and value.find(nodes.Call) is not None:
            branches = [
                nodes.Assign(copied(node.target), one, lineno=node.lineno) for one in (value.expr1, value.expr2)
            ]
            return self._if(nodes.If(value.test, [branches[0]], [], [branches[1]], lineno=node.lineno), scope)
        printed, node.node = self._expression(value, scope)
        self._assign(node, scope)
        return [*printed, node]

    def _compound(self, node: nodes.Node, scope: Scope) -> nodes.Node:
        if isinstance(node, (nodes.Import, nodes.FromImport)):
            self._import(node, scope)
        for name, value in node.iter_fields():
            if isinstance(value, list) and any(isinstance(one, nodes.Stmt) for one in value):
                setattr(node, name, self._body(value, self._inside(node, scope)))
            elif isinstance(value, list):
                setattr(node, name, [scope.folded(one) if isinstance(one, nodes.Expr) else one for one in value])
            elif isinstance(value, nodes.Expr):
                setattr(node, name, scope.folded(value))
        return node

    def _inside(self, node: nodes.Node, scope: Scope) -> Scope:
        """For one of its bodies: where a loop's ``else`` runs, no turn did."""
        inner = scope.inner()
        if isinstance(node, (nodes.For, nodes.Macro)):
            inner.values["loop"] = UNKNOWN  # its own, and not that of a loop around it
        if isinstance(node, nodes.EvalContextModifier):
            inner.escaped = node.options[0].value.as_const()
        return inner

    def _unrolled(self, node: nodes.For, scope: Scope) -> list[nodes.Node] | None:
        """The loop's body for each of the few values that are known; None where it stays a loop."""
        items = scope.value(node.iter)
        if type(items) not in {list, tuple} or not plain(items) or not 0 < len(items) <= _MAX_TURNS:
            return None
        target = node.target
        if not isinstance(target, nodes.Name) or node.test or node.recursive or target.name in stored(node.body):
            return None
        turns: list[nodes.Node] = []
        for number, item in enumerate(items):
            inner = scope.inner()
            inner.values[target.name] = item
            inner.values["loop"] = Turn(number, len(items))
            body = self._copied(node.body)
            Constants({target.name: item}).visit(nodes.Template(body, lineno=1))
            turns.append(nodes.With([], [], self._body(body, inner), lineno=1))
        return None if "loop" in loaded(outside_loops(turns)) else turns

    def _if(self, node: nodes.If, scope: Scope) -> list[nodes.Node]:
        printed, test = self._expression(node.test, scope)
        known = scope.constant(test)
        if known is not UNKNOWN and not node.elif_:
            return self._body(node.body if known else node.else_, scope)
        node.test = test
        node.body = self._body(node.body, scope.inner())
        node.elif_ = [self._elif(one, scope) for one in node.elif_]
        node.else_ = self._body(node.else_, scope.inner())
        return [*printed, node]

    def _elif(self, node: nodes.If, scope: Scope) -> nodes.If:
        node.test = scope.folded(node.test)
        node.body = self._body(node.body, scope.inner())
        return node

    def _import(self, node: nodes.Import | nodes.FromImport, scope: Scope) -> None:
        module = self._modules.named(node)
        if module is None:
            return
        self.idle_if_unread.append(node)
        if isinstance(node, nodes.Import):
            if node.target in self._once:
                scope.modules[node.target] = module
            return
        for name, alias in imported(node):
            macro = module.exported(name)
            if alias in self._once and macro is not None:
                scope.macros[alias] = macro
            elif alias in self._once and (value := module.value(name)) is not UNKNOWN:
                scope.values[alias] = value

    def _assign(self, node: nodes.Assign, scope: Scope) -> None:
        pairs = [(node.target, node.node)]
        if isinstance(node.target, nodes.Tuple) and isinstance(node.node, nodes.Tuple):
            if len(node.target.items) != len(node.node.items):
                return  # it raises
            pairs = list(zip(node.target.items, node.node.items, strict=True))
        known = {target: scope.value(expression) for target, expression in pairs}
        if all(isinstance(target, nodes.Name) and plain(value) for target, value in known.items()):
            self.idle_if_unread.append(node)
        for target, value in known.items():
            if isinstance(target, nodes.Name) and target.name in self._once | self._own_once and plain(value):
                scope.values[target.name] = value

    # -- what is printed

    def _output(self, node: nodes.Output, scope: Scope) -> list[nodes.Node]:
        made: list[nodes.Node] = []
        for expression in node.nodes:
            body = self._markup(expression, scope) or self._called(expression, scope)
            if body is not None:
                made.extend(body)
            else:
                printed, folded = self._expression(expression, scope)
                made += [*printed, nodes.Output([folded], lineno=node.lineno)]
        return made

    def _markup(self, expression: nodes.Expr, scope: Scope) -> list[nodes.Node] | None:
        """Known markup that is printed as it is; in any larger expression it stays a name."""
        value = scope.value(expression) if isinstance(expression, (nodes.Name, nodes.Getattr)) else UNKNOWN
        return [nodes.Output([nodes.Const(value)], lineno=1)] if type(value) is Markup else None

    def _expression(self, node: nodes.Node, scope: Scope) -> tuple[list[nodes.Node], nodes.Expr]:
        """The expression folded, and before it what prints the macros in it into names of their own."""
        if not may_be_printed_first([node], self.is_macro(scope)):
            return [], scope.folded(node)
        printing = _Printing(self, scope)
        expression = printing.visit(node)
        return printing.printed, scope.folded(expression)

    def printed(self, call: nodes.Call, scope: Scope) -> nodes.AssignBlock | None:
        """The macro's output printed into a name; None where the call stays one."""
        body = self._output_of(call, scope)
        if body is None:
            return None
        name = f"printed{OWN}{next(self._numbers)}"
        self._own_names.add(name)
        return nodes.AssignBlock(nodes.Name(name, "store"), None, body, lineno=1)

    def _called(self, expression: nodes.Expr, scope: Scope) -> list[nodes.Node] | None:
        """The body of the macro that is called; None where it stays a call."""
        if isinstance(expression, nodes.CondExpr):
            return self._one_of_two(expression, scope)
        return self._output_of(expression, scope)

    def _output_of(self, expression: nodes.Expr, scope: Scope) -> list[nodes.Node] | None:
        found = self._macro(expression.node, scope) if isinstance(expression, nodes.Call) else None
        if found is None or any(found[1] is one for one in self._open) or not isinstance(expression, nodes.Call):
            return None
        self._open.append(found[1])
        try:
            return self._in_place(*found, expression, scope)
        finally:
            self._open.pop()

    def _one_of_two(self, expression: nodes.CondExpr, scope: Scope) -> list[nodes.Node] | None:
        both = (expression.expr1, expression.expr2)
        if both[1] is None or not any(isinstance(one, (nodes.Call, nodes.CondExpr)) for one in both):
            return None
        branches = [nodes.Output([one], lineno=1) for one in both]
        return self._if(nodes.If(expression.test, [branches[0]], [], [branches[1]], lineno=1), scope)

    def is_macro(self, scope: Scope) -> Callable[[nodes.Call], bool]:
        """Whether a call is one of a macro that is known."""
        return lambda call: self._macro(call.node, scope) is not None

    def _macro(self, node: nodes.Expr, scope: Scope) -> tuple[Module, nodes.Macro] | None:
        match node:
            case nodes.Name():
                return scope.macros.get(node.name)
            case nodes.Getattr(node=nodes.Name(name=name)) if name in scope.modules:
                return scope.modules[name].exported(node.attr)
            case _:
                return None

    def _in_place(self, module: Module, macro: nodes.Macro, call: nodes.Call, scope: Scope) -> list[nodes.Node] | None:
        values = arguments(macro, call)
        if values is None or not may_stand_elsewhere(macro, module, self._environment):
            return None
        if not may_be_given_in_turn(call, values.values(), self.is_macro(scope)):
            return None
        body, names = self._with_own_names(macro)
        printing = _Printing(self, scope)
        given: dict[str, nodes.Expr] = {
            names[name]: scope.folded(printing.visit(copied(value))) for name, value in values.items()
        }
        fixed = {name: value for name, value in given.items() if name not in stored(body)}
        body = self._body_of(module, body, {name: scope.value(value) for name, value in fixed.items()})
        if loaded(body) - self._own_names - {"loop"} or "loop" in loaded(outside_loops(body)):
            return None
        return [*printing.printed, self._with_arguments(given, fixed, under_rule(body, module.escaped, scope.escaped))]

    def _body_of(self, module: Module, body: list[nodes.Node], known: dict[str, Any]) -> list[nodes.Node]:
        """A macro's body with what is known of its arguments."""
        values = {name: value for name, value in known.items() if isinstance(value, Turn) or plain(value)}
        inside = Scope(
            self._environment, module.escaped, ChainMap(values, module.values), module.macros, module.modules
        )
        made = self._body(body, inside)
        Constants(inside.values).visit(nodes.Template(made, lineno=1))
        return made

    def _with_arguments(
        self, given: dict[str, nodes.Expr], fixed: Mapping[str, nodes.Expr], body: list[nodes.Node]
    ) -> nodes.With:
        """The names of the caller in the place of arguments that are nothing but them; the others are bound."""
        replaced = {name: value.name for name, value in fixed.items() if may_be_read_in(value, body)}
        renamed(body, replaced)
        for name in [name for name, value in given.items() if isinstance(value, nodes.List)]:
            taken = self._taken_apart(name, given[name], body)
            given = {**{one: value for one, value in given.items() if one != name or not taken}, **taken}
        read = loaded(body)
        idle = (nodes.Name, nodes.Const)  # anything else that nobody reads may still raise
        bound = {
            name: value
            for name, value in given.items()
            if name not in replaced and (name in read or not isinstance(value, idle))
        }
        return nodes.With([nodes.Name(name, "param") for name in bound], list(bound.values()), body, lineno=1)

    def _taken_apart(self, name: str, items: nodes.Expr, body: list[nodes.Node]) -> dict[str, nodes.Expr]:
        """A name for each item of a list of which nothing else is read."""
        if not isinstance(items, nodes.List):
            return {}
        names = {number: f"{name}_{number}" for number in range(len(items.items))}
        taking = Items(name, names)
        whole = nodes.Template([copied(node) for node in body], lineno=1)
        taking.visit(whole)
        if name in loaded(whole.body):
            return {}
        body[:] = whole.body
        self._own_names.update(names.values())
        return {names[number]: item for number, item in enumerate(items.items)}

    def _copied(self, body: list[nodes.Node]) -> list[nodes.Node]:
        """Raises `NotLinked` where loops in loops, or macros in macros, would make too much of a small template."""
        self._may_copy -= sum(1 for _ in everything(body))
        if self._may_copy < 0:
            raise NotLinked("it is too big")
        return [copied(node) for node in body]

    def _with_own_names(self, macro: nodes.Macro) -> tuple[list[nodes.Node], dict[str, str]]:
        body = self._copied(macro.body)
        local = {argument.name for argument in macro.args} | set(stored(body))
        number = next(self._numbers)
        names = {name: f"{name}{OWN}{number}" for name in sorted(local)}
        self._own_names.update(names.values())
        renamed(body, names)
        given = {names[argument.name] for argument in macro.args}
        self._own_once.update(name for name, times in stored(body).items() if times == 1 and name not in given)
        return body, names


class _Printing(NodeTransformer):
    """Calls of macros become names that their output was printed into: up to the first that stays a call, or may not be made at all."""

    def __init__(self, specialiser: Specialiser, scope: Scope) -> None:
        self.printed: list[nodes.Node] = []
        self._specialiser = specialiser
        self._scope = scope
        self._ended = False

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        if self._ended:
            return node
        block = self._specialiser.printed(node, self._scope)
        if block is None or not isinstance(block.target, nodes.Name):
            return self._stays(node)
        self.printed.append(block)
        return nodes.Name(block.target.name, "load", lineno=node.lineno, environment=node.environment)

    def _stays(self, node: nodes.Call) -> nodes.Node:
        is_macro = self._specialiser.is_macro(self._scope)
        if may_be_printed_first(node.iter_child_nodes(), is_macro):
            self.generic_visit(node)
        self._ended = self._ended or is_macro(node)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        """Of a macro that prints the same for every mail, the number is known."""
        self.generic_visit(node)
        text = self._known_text(node.node) if node.name in _NUMBERS else None
        if text is None:
            return node
        self.printed.pop()
        node.node = nodes.Const(text, lineno=node.lineno, environment=node.environment)
        number = self._scope.constant(node)
        return node if number is UNKNOWN else nodes.Const(number, lineno=node.lineno, environment=node.environment)

    def _known_text(self, node: nodes.Node | None) -> str | None:
        """Of what was printed last, if this is its name."""
        match node, self.printed[-1:]:
            case nodes.Name(name=name), [nodes.AssignBlock(target=nodes.Name(name=printed), body=body)] if (
                name == printed
            ):
                return self._scope.text(body)
            case _:
                return None

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        return self._as_it_is(node) if len(node.ops) > 1 else self.generic_visit(node)

    def _as_it_is(self, node: nodes.Node) -> nodes.Node:
        self._ended = self._ended or node.find(nodes.Call) is not None
        return node

    visit_CondExpr = visit_And = visit_Or = _as_it_is  # noqa: N815
