"""An environment in which markup stays what the template's source says: no filter makes any of a value, and none changes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from jinja2 import BaseLoader, Environment
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.rendering.inlined_source import NotAtLoad
from notifier.rendering.shared_code import code_of


class _GuardedEnvironment(ImmutableSandboxedEnvironment):
    def call(self, *args: Any, **kwargs: Any) -> Any:
        """As the sandbox calls; raises `NotAtLoad` for a method of markup."""
        if len(args) > 1 and _is_markup(getattr(args[1], "__self__", None)):
            raise NotAtLoad("a method works on markup")
        return super().call(*args, **kwargs)


def guarded(environment: Environment, loader: BaseLoader) -> Environment:
    """An environment that raises `NotAtLoad` where a filter makes markup, or another of it."""
    overlay = environment.overlay(loader=loader)
    overlay.__class__ = _GuardedEnvironment  # an overlay is of its origin's class
    overlay.filters = {name: _guarded(filter_) for name, filter_ in environment.filters.items()}
    if (code := code_of(environment)) is not None:
        overlay.bytecode_cache = code.of_kind("guarded")  # a filter that raises is not worked out as a file is compiled
    return overlay


def _guarded(filter_: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter_)
    def checked(*args: Any, **kwargs: Any) -> Any:
        result = filter_(*args, **kwargs)
        markup = [arg for arg in (*args, *kwargs.values()) if _is_markup(arg)]
        if (markup and result not in markup) or (not markup and _is_markup(result) and "<" in result):
            raise NotAtLoad("a filter makes markup")
        return result

    return checked


def _is_markup(value: Any) -> bool:
    return isinstance(value, str) and hasattr(value, "__html__")
