"""Where a template turns escaping off: ``| safe`` and ``{% autoescape false %}``. Neither is wrong by itself, and each is a
place where a name with ``<script>`` in it would go into the mail as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import Environment, nodes

from notifier.rendering.environment import autoescaped


def unescaped(environment: Environment, source: str, path: str) -> Iterator[str]:
    """The places, with path and line. A file that is not escaped anyway has none. Raises Jinja2's own errors."""
    if not autoescaped(path):
        return
    tree = environment.parse(source, path)
    for one in tree.find_all(nodes.Filter):
        # A literal is the template's own text.
        if one.name == "safe" and not isinstance(one.node, nodes.Const):
            yield f"{path}, line {one.lineno}: | safe"
    for keyword in tree.find_all(nodes.Keyword):
        if keyword.key == "autoescape" and not _is_true(keyword.value):
            yield f"{path}, line {keyword.value.lineno}: autoescape is off"


def _is_true(value: nodes.Expr) -> bool:
    return isinstance(value, nodes.Const) and value.value is True
