"""The Jinja2 environment: immutable sandbox, strict about undefined names, escaping by our own rule."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound

from notifier.rendering import translating
from notifier.rendering.compiled_templates import CompiledTemplates
from notifier.rendering.filters import day, link, money
from notifier.rendering.language import direction
from notifier.rendering.library import TemplateLibrary
from notifier.rendering.sandbox import Sandbox
from notifier.rendering.shared_code import EnvironmentsCode, SharedCode

_TEXT_ENDINGS = (".txt", ".txt.j2", ".md", ".md.j2")


class LibraryLoader(BaseLoader):
    """Loads what the library finds, and looks again when a file has changed."""

    def __init__(self, library: TemplateLibrary) -> None:
        self._library = library

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Jinja2's own contract."""
        del environment
        seen = self._library.place(template)  # before it is read: a change in between is seen later
        loaded = self._library.load(template)
        if loaded is None:
            raise TemplateNotFound(template)
        source, file = loaded

        def up_to_date() -> bool:
            return seen is not None and self._library.glanced_place(template) == seen

        return source, str(file), up_to_date


def autoescaped(name: str | None) -> bool:
    """On for everything but plain text: jinja2's own default is off for ``.html.j2``, and an unknown ending is html."""
    return name is None or not name.endswith(_TEXT_ENDINGS)


def make_environment(library: TemplateLibrary, shared: SharedCode | None = None) -> Environment:
    """One environment for the whole process; its compiled templates are cached in it, and their code is ``shared``."""
    environment = Sandbox(
        loader=LibraryLoader(library),
        undefined=StrictUndefined,
        autoescape=autoescaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=None if shared is None else EnvironmentsCode(shared, "plain"),
        extensions=["jinja2.ext.i18n"],
    )
    environment.cache = CompiledTemplates()
    environment.filters.update(money=money, day=day, link=link, direction=direction)
    translating.install(environment)
    return environment
