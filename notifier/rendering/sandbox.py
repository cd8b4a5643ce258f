"""Jinja2's immutable sandbox, quicker for what contexts are made of."""

from __future__ import annotations

from typing import Any, Self

from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.rendering.compiled_templates import CompiledTemplates

_OF_A_DICT = frozenset(dir(dict))


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of all templates."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A mapping's own name at once, without the error that Jinja2 has to catch first. Its methods' names stay its methods."""
        if type(obj) is dict and attribute not in _OF_A_DICT:
            try:
                return obj[attribute]
            except KeyError:
                pass
        return super().getattr(obj, attribute)

    def overlay(self, *args: Any, **changes: Any) -> Self:
        """As Jinja2's, with templates of its own that are found as fast."""
        made = super().overlay(*args, **changes)
        made.cache = CompiledTemplates()
        return made
