"""A worker that writes down which process compiles and renders what: ``celery -A programs.compiling worker``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jinja2 import Environment

from notifier.rendering import Renderer
from notifier.tasks.worker import create_worker_app

_compile, _render = Environment.compile, Renderer.render_here


def _tell(what: str, of: object) -> None:
    with Path(os.environ["COMPILING"]).open("a") as file:
        file.write(f"{what} {of} {os.getpid()}\n")


def _told_compile(self: Environment, source: Any, name: str | None = None, *rest: Any, **more: Any) -> Any:
    _tell("compiled", name)
    return _compile(self, source, name, *rest, **more)


def _told_render(self: Renderer, template: str, *rest: Any, **more: Any) -> Any:
    _tell("rendered", template)
    return _render(self, template, *rest, **more)


Environment.compile = _told_compile  # type: ignore[method-assign, assignment]
Renderer.render_here = _told_render  # type: ignore[method-assign]

app = create_worker_app()
