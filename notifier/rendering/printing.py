"""What quick code prints with; see `notifier.rendering.linking.quick_code`."""

from __future__ import annotations

from typing import Any

from jinja2.environment import TemplateModule
from jinja2.runtime import Context, Macro
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

TEXT = frozenset({str, Markup})  # types, and none that was made of them


def escaped(value: Any) -> str:
    """What `markupsafe.escape` prints of a value. That makes markup of all, which takes longer than to see that nothing is to be escaped."""
    kind = type(value)
    if kind is Markup:
        return str(value)
    plain = kind is str and "&" not in value and "<" not in value and ">" not in value
    return str(value) if plain and "'" not in value and '"' not in value else escape(value)


def held(environment: SandboxedEnvironment, value: Any, name: str) -> Any:
    """What the sandbox makes of an attribute. What an imported file exports, its own dict has."""
    if type(value) is TemplateModule and name in vars(value) and not name.startswith("_"):
        return vars(value)[name]
    return environment.getattr(value, name)


def called(
    environment: SandboxedEnvironment,
    context: Context,
    function: Any,
    /,
    *args: Any,
    _loop_vars: dict[str, Any] | None = None,
    _block_vars: dict[str, Any] | None = None,
    **kwargs: Any,
) -> Any:
    """What the sandbox's call returns. A macro is safe to call, and takes from the context how it escapes, and nothing else."""
    if type(function) is Macro:
        return function(context.eval_ctx, *args, **kwargs)
    return environment.call(context, function, *args, _loop_vars=_loop_vars, _block_vars=_block_vars, **kwargs)


class _OnePiece:
    """Stands where Jinja2's generator has a list to fill with what a statement prints."""

    append = staticmethod(str)
    extend = staticmethod("".join)


one_piece = _OnePiece()
