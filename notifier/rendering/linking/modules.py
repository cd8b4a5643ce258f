"""The files that templates import: their macros, and what their names are worth.

Such a file sees nothing of a mail. Jinja2 runs it once, and so its names have one value for all mails, until it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from jinja2 import Environment, nodes
from jinja2.runtime import Macro
from markupsafe import Markup

from notifier.rendering.language import Language, speaking
from notifier.rendering.linking.trees import NotLinked, imported, stored_outside_macros

UNKNOWN = object()  # until a mail is rendered
_SCALARS = (str, int, float, bool, type(None))  # no Markup: Jinja2 joins constants with ~ as if none were
_CONTAINERS = (dict, list, tuple)


@dataclass(frozen=True, slots=True)
class Module:
    """``values`` and ``macros`` by name, as the file itself sees them; ``modules``: what it imports whole."""

    path: str
    escaped: bool
    values: dict[str, Any] = field(default_factory=dict)
    macros: dict[str, tuple[Module, nodes.Macro]] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def exported(self, name: str) -> tuple[Module, nodes.Macro] | None:
        """The macro of that name that others may import."""
        found = None if name.startswith("_") else self.macros.get(name)
        return found if found is not None and found[0] is self else None

    def value(self, name: str) -> Any:
        """What others see of it under that name, or `UNKNOWN`."""
        return UNKNOWN if name.startswith("_") else self.values.get(name, UNKNOWN)


def scalar(value: Any) -> bool:
    """True for what is a constant in code."""
    return type(value) in _SCALARS


def plain(value: Any) -> bool:
    """True for scalars, and for dicts, lists and tuples of nothing else."""
    if type(value) is dict:
        return all(scalar(key) and plain(one) for key, one in value.items())
    return scalar(value) or (type(value) in _CONTAINERS and all(plain(one) for one in value))


class _Unspoken:
    """The language of no mail: what a file makes of it has more than one value."""

    def __getattr__(self, name: str) -> Any:
        raise NotLinked("a file that it imports speaks the language of a mail")


class Modules:
    """Each file once for one template that is linked."""

    def __init__(
        self, environment: Environment, parse: Callable[[str], nodes.Template], escapes: Callable[[str], bool]
    ):
        self._environment = environment
        self._parse = parse
        self._escapes = escapes
        self._known: dict[str, Module | None] = {}

    def named(self, node: nodes.Import | nodes.FromImport) -> Module | None:
        """The module that it imports; None where it may depend on the mail."""
        if node.with_context or not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
            return None
        return self.at(node.template.value)

    def at(self, path: str) -> Module | None:
        """The module of the file; None while it is being read: it imports itself."""
        if path not in self._known:
            self._known[path] = None
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> Module:
        body = self._parse(path).body
        module = Module(path, self._escapes(path), names=frozenset(stored_outside_macros(body)))
        once = {name for name, times in stored_outside_macros(body).items() if times == 1}
        context = self._run(path)
        for node in body:
            self._bind(module, node, once)
        bound = module.macros.keys() | module.modules.keys()
        known = {name: context[name] for name in once - bound if name in context}
        module.values.update({name: value for name, value in known.items() if plain(value) or type(value) is Markup})
        return module

    def _run(self, path: str) -> dict[str, Any]:
        template = self._environment.get_template(path)
        context = template.new_context()
        with speaking(cast("Language", _Unspoken())):
            for _ in template.root_render_func(context):
                pass
        return {name: value for name, value in context.vars.items() if not isinstance(value, Macro)}

    def _bind(self, module: Module, node: nodes.Node, once: set[str]) -> None:
        match node:
            case nodes.Macro() if node.name in once:
                module.macros[node.name] = (module, node)
            case nodes.Import() if node.target in once and (other := self.named(node)) is not None:
                module.modules[node.target] = other
            case nodes.FromImport() if (other := self.named(node)) is not None:
                found = {alias: other.exported(name) for name, alias in imported(node) if alias in once}
                module.macros.update({alias: macro for alias, macro in found.items() if macro is not None})
            case _:
                pass
