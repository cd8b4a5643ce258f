"""The shipped templates by Jinja2 alone, as programs do: one environment, kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from notifier.rendering import shipped_templates
from notifier.rendering.environment import autoescaped
from notifier.rendering.filters import day, link, money
from notifier.rendering.language import direction

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(shipped_templates()),
    autoescape=autoescaped,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(money=money, day=day, link=link, direction=direction)
_PARTS = ("subject.txt.j2", "text.txt.j2", "html.html.j2")


def rendered(template: str, context: Mapping[str, Any], *, image: str) -> tuple[str, str, str]:
    """Subject, text and html. ``image``: the URL of every image."""
    names = {**context, "inline_image": lambda _: image}
    subject, text, html = (_ENVIRONMENT.get_template(f"{template}/{part}").render(names) for part in _PARTS)
    return subject.strip(), text, html
