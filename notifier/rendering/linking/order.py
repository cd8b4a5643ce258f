"""In which order the calls of an expression are made: ``cycler.next()`` tells which one was first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from jinja2 import nodes

Is = Callable[[nodes.Call], bool]

_NO_MATTER_WHEN = {"_", "gettext", "ngettext", "pgettext", "npgettext", "range", "dict"}


def may_be_printed_first(expressions: Iterable[nodes.Node], is_macro: Is) -> bool:
    """True where macros in the expressions may be called before the rest is worked out: nothing else is called, or no macro is."""
    return len(set(map(is_macro, _calls(expressions, is_macro)))) < 2


def may_be_given_in_turn(call: nodes.Call, values: Iterable[nodes.Expr], is_macro: Is) -> bool:
    """True where nobody can tell that the values of a macro's names are worked out in the order of the names."""
    given = [*call.args, *(keyword.value for keyword in call.kwargs)]
    found = [is_macro(one) for one in _calls(given, is_macro)]
    ids = set(map(id, given))
    in_order = [id(value) for value in values if id(value) in ids] == [id(value) for value in given]
    return len(found) < 2 or (all(found) and in_order)


def _calls(body: Iterable[nodes.Node], is_macro: Is) -> Iterator[nodes.Call]:
    """Without those in the arguments of a macro, which are worked out with it."""
    for node in body:
        if isinstance(node, nodes.Call) and not _no_matter_when(node):
            yield node
        if not (isinstance(node, nodes.Call) and is_macro(node)):
            yield from _calls(node.iter_child_nodes(), is_macro)


def _no_matter_when(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name in _NO_MATTER_WHEN
