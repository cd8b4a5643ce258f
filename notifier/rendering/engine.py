"""`Engine`: templates of another kind than Jinja2's. Their names have a slash, which those of ours never have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

SLASH = "/"


class Parts(NamedTuple):
    """What a notification's files have made; None: there is no such file."""

    subject: str
    text: str | None
    html: str | None


class Engine(Protocol):
    """Safe to share between threads. Errors never show a value of the context."""

    def require(self, name: str) -> None:
        """Raises `TemplateNotFound`."""

    def render(self, name: str, context: Mapping[str, Any], locale: str | None) -> Parts:
        """Raises `TemplateNotFound`, `TemplateRenderError`."""
