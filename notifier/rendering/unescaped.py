"""Where a template turns escaping off: ``| safe``, ``{% autoescape false %}``, and a text's file put into html. None is wrong by
itself, and each is a place where a name with ``<script>`` in it would go into the mail as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import Environment, meta, nodes

from notifier.rendering.environment import autoescaped

_REFERENCES = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)


def unescaped(environment: Environment, source: str, path: str) -> Iterator[str]:
    """The places, with path and line. A file that is not escaped anyway has none. Raises Jinja2's own errors."""
    if not autoescaped(path):
        return
    tree = environment.parse(source, path)
    for one in tree.find_all(nodes.Filter):
        if one.name == "safe" and not _is_own_text(one.node):
            yield f"{path}, line {one.lineno}: | safe"
    for keyword in tree.find_all(nodes.Keyword):
        if keyword.key == "autoescape" and not _is_true(keyword.value):
            yield f"{path}, line {keyword.value.lineno}: autoescape is off"

    for reference in tree.find_all(_REFERENCES):
        for name in _names(nodes.Template([reference])):
            if not autoescaped(name):
                yield f"{path}, line {reference.lineno}: {name} is no html, and its values are not escaped"


def referenced(environment: Environment, source: str, path: str) -> Iterator[str]:
    """The files that it extends, includes or imports by their names. Raises Jinja2's own errors."""
    return _names(environment.parse(source, path))


def _names(tree: nodes.Template) -> Iterator[str]:
    return (name for name in meta.find_referenced_templates(tree) if name is not None)


def _is_own_text(node: nodes.Expr | None) -> bool:
    """True where it is made of literals alone: whatever comes from elsewhere comes by a name."""
    return node is not None and not isinstance(node, nodes.Name) and node.find(nodes.Name) is None


def _is_true(value: nodes.Expr) -> bool:
    return isinstance(value, nodes.Const) and value.value is True
