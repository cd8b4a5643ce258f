"""A template, its layouts and the files that it includes, joined into one tree.

A block stands where the layout has it, an included file where it is included. What it sets is its own: both become a ``with``.
"""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import nodes

from notifier.rendering.linking.late_sets import check_no_late_sets
from notifier.rendering.linking.macro_bodies import outside_loops
from notifier.rendering.linking.trees import NotLinked, copied, everything, loaded, stored, stored_outside_macros

Parse = Callable[[str], nodes.Template]
Escapes = Callable[[str], bool]

_MAX_DEPTH = 16
# Of these, Jinja2 runs in a page that has a layout; what is printed outside a block it leaves out.
_BEFORE_THE_LAYOUT = (nodes.Assign, nodes.AssignBlock, nodes.Import, nodes.FromImport, nodes.Macro)
_OWN_FRAME = (
    nodes.For,
    nodes.With,
    nodes.Macro,
    nodes.CallBlock,
    nodes.FilterBlock,
    nodes.Scope,
    nodes.EvalContextModifier,
)


def joined(path: str, parse: Parse, escapes: Escapes) -> list[nodes.Node]:
    """The statements of the whole. Raises `NotLinked`."""
    body = _with_layout(path, parse, escapes)
    for node in everything(body):
        if isinstance(node, nodes.Name) and node.name in {"self", "super"}:
            raise NotLinked(f"it uses {node.name}")
    whole = _Includes(parse, escapes).within(body, escapes(path), 0)
    if any(_reads_by_name(node) for node in everything(whole)):
        raise NotLinked("a file reads its names while it is rendered")
    return whole


def _reads_by_name(node: nodes.Node) -> bool:
    """True for what sees a name that nothing in the tree reads."""
    return isinstance(node, nodes.Include) or (isinstance(node, (nodes.Import, nodes.FromImport)) and node.with_context)


def _with_layout(path: str, parse: Parse, escapes: Escapes) -> list[nodes.Node]:
    first: list[nodes.Node] = []
    blocks: dict[str, nodes.Block] = {}
    for at in _layouts(path, parse):
        if escapes(at) != escapes(path):
            raise NotLinked("its layout is escaped by another rule")
        body = parse(at).body
        check_no_late_sets(body)
        for block in (node for node in everything(body) if isinstance(node, nodes.Block)):
            blocks.setdefault(block.name, block)
        if _parent(body) is None:
            _check_first(first, body)
            return [*first, *_with_blocks(body, blocks, ())]
        _check_first(first, body)
        first.extend(node for node in body if isinstance(node, _BEFORE_THE_LAYOUT))
    raise NotLinked("its layouts have no end")


def _check_first(first: list[nodes.Node], layout: list[nodes.Node]) -> None:
    """Of a page, what runs before its layout: a macro goes on seeing the page's own names, whatever the layout sets."""
    set_later = stored_outside_macros(layout).keys()
    for node in first:
        if node.find(nodes.Block) is not None:
            raise NotLinked("a block stands in a set")
        if any(loaded([macro]) & set_later for macro in everything([node]) if isinstance(macro, nodes.Macro)):
            raise NotLinked("a macro reads a name that its layout sets as well")


def _layouts(path: str, parse: Parse) -> list[str]:
    found = [path]
    while (parent := _parent(parse(found[-1]).body)) is not None:
        if len(found) == _MAX_DEPTH:
            raise NotLinked("its layouts have no end")
        found.append(parent)
    return found


def _parent(body: list[nodes.Node]) -> str | None:
    extends = [node for node in everything(body) if isinstance(node, nodes.Extends)]
    if not extends:
        return None
    quiet = (nodes.Extends, nodes.Block, nodes.Output, *_BEFORE_THE_LAYOUT)
    if len(extends) > 1 or extends[0] not in body or not all(isinstance(node, quiet) for node in body):
        raise NotLinked("whether it has a layout depends on the mail")
    before = body[: body.index(extends[0])]
    if any(isinstance(node, (nodes.Output, nodes.Block)) for node in before):
        raise NotLinked("it prints before its layout does")
    return _named(extends[0].template)


def _named(template: nodes.Expr) -> str:
    if isinstance(template, nodes.Const) and isinstance(template.value, str):
        return template.value
    raise NotLinked("which files it reaches depends on the mail")


def _with_blocks(
    body: list[nodes.Node], blocks: dict[str, nodes.Block], around: tuple[set[str], ...]
) -> list[nodes.Node]:
    return [_with_block(node, blocks, around) for node in body]


def _with_block(node: nodes.Node, blocks: dict[str, nodes.Block], around: tuple[set[str], ...]) -> nodes.Node:
    """``around``: what each of the blocks sets that it stands in, which a block does not see."""
    if isinstance(node, nodes.Block):
        if len(around) == _MAX_DEPTH or node.required:
            raise NotLinked(f"block {node.name} holds itself, or has to be written")
        body = [copied(one) for one in blocks[node.name].body]  # two files may have it in two places
        if any(loaded(body) & names for names in around):
            raise NotLinked("a block reads a name that the block around it sets")
        if any(around) and any(isinstance(one, nodes.Include) for one in everything(body)):
            raise NotLinked("a block includes a file, which might read what the block around it sets")
        return _with([], [], _with_blocks(body, blocks, (*around, set(stored(body)))))
    own_names = isinstance(node, nodes.AssignBlock) and stored(node.body)
    if isinstance(node, _OWN_FRAME) or own_names:
        if node.find(nodes.Block) is not None:
            raise NotLinked("a block stands in a frame of its own")
        return node
    for field, value in node.iter_fields():
        if isinstance(value, list):
            setattr(
                node, field, [_with_block(one, blocks, around) if isinstance(one, nodes.Stmt) else one for one in value]
            )
    return node


def _with(targets: list[nodes.Expr], values: list[nodes.Expr], body: list[nodes.Node]) -> nodes.With:
    return nodes.With(targets, values, body, lineno=1)


class _Includes:
    def __init__(self, parse: Parse, escapes: Escapes) -> None:
        self._parse = parse
        self._escapes = escapes

    def within(self, body: list[nodes.Node], escaped: bool, depth: int) -> list[nodes.Node]:
        """The statements with what they include. ``escaped``: how they are."""
        return [self._in(node, escaped, depth) for node in body]

    def _in(self, node: nodes.Node, escaped: bool, depth: int) -> nodes.Node:
        if isinstance(node, nodes.Include):
            return self._included(node, escaped, depth)
        if isinstance(node, nodes.Macro):
            return node  # it sees the names of its file, and not those of its caller
        for field, value in node.iter_fields():
            if isinstance(value, list):
                setattr(
                    node,
                    field,
                    [self._in(one, escaped, depth) if isinstance(one, nodes.Stmt) else one for one in value],
                )
        return node

    def _included(self, node: nodes.Include, escaped: bool, depth: int) -> nodes.Node:
        if node.ignore_missing or not node.with_context or depth == _MAX_DEPTH:
            raise NotLinked("it includes a file that may be missing, or includes itself")
        path = _named(node.template)
        body = self._parse(path).body
        if any(isinstance(one, (nodes.Block, nodes.Extends)) for one in everything(body)):
            raise NotLinked("it includes a file with blocks")
        if "loop" in loaded(outside_loops(body)):
            raise NotLinked("whether there is a loop depends on who includes it")
        own = self._escapes(path)
        return _with([], [], under_rule(self.within(body, own, depth + 1), own, escaped))


def under_rule(body: list[nodes.Node], escaped: bool, outside: bool) -> list[nodes.Node]:
    """The statements, escaped by their own file's rule."""
    if escaped == outside:
        return body
    rule = nodes.Keyword("autoescape", nodes.Const(escaped))
    return [nodes.ScopedEvalContextModifier([rule], body, lineno=1)]
