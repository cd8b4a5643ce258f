"""MJML to html, by mrml: compiled once where the template allows it, and mail by mail where Jinja makes its elements.

``mj-include`` is read by our own loader, and so from the template folders only; mrml itself fetches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from jinja2 import BaseLoader, Environment, TemplateNotFound, TemplateSyntaxError

from notifier.errors import TemplateError, TemplateRenderError
from notifier.rendering.html_tokens import StartTag, placed_tokens
from notifier.rendering.inlined_source import NotAtLoad
from notifier.rendering.mjml_source import compiled
from notifier.rendering.nesting import MAX_DEPTH, is_too_deep

ENDING = ".mjml.j2"
_MAX_INCLUDES = 64
_LEFT_OVER = re.compile(r"<(mj-[\w-]*)")
_QUOTED_PART = re.compile(r"[\"'`].*", re.DOTALL)  # of a mail, perhaps
_AROUND = {"html": ("<mj-raw>", "</mj-raw>"), "css": ("<mj-style>", "</mj-style>")}

UpToDate = Callable[[], bool]


class MjmlCompiler:
    """Two environments over the plain one: ``compiled`` renders html, ``plain`` MJML with its includes.

    Which of the two a template needs is known when it is loaded, and looked at again when one of its files has changed.
    """

    def __init__(self, environment: Environment) -> None:
        self._loader = _IncludingLoader(environment)
        self.plain = environment.overlay(loader=self._loader)
        self._compiled = environment.overlay(loader=_CompilingLoader(self._loader, self.to_html))
        self._why_not: dict[str, tuple[str, UpToDate]] = {}

    def environment_for(self, path: str) -> Environment | None:
        """The environment that renders html; None where the MJML that `plain` renders is to be compiled. Raises `TemplateError`."""
        known = self._why_not.get(path)
        if known is not None and known[1]():
            return None
        try:
            self._compiled.get_template(path)
        except NotAtLoad as reason:
            _, _, up_to_date = self._loader.get_source(self.plain, path)
            self._why_not[path] = (str(reason), up_to_date)
            return None
        except TemplateSyntaxError:
            self.plain.get_template(path)  # fails as well, and knows the line
            raise
        return self._compiled

    def why_not(self, path: str) -> str:
        """Why the template was not compiled at load; empty where it was."""
        return self._why_not.get(path, ("", None))[0]

    def to_html(self, source: str, path: str) -> str:
        """Raises `TemplateRenderError` with the file and what MJML says of it, and `TemplateError` where mrml is not installed."""
        if is_too_deep(source, implied=frozenset()):
            raise TemplateRenderError(f"{path}: MJML: its elements lie over {MAX_DEPTH:,} deep in one another")
        try:
            html = self._to_html(source)
        except OSError as error:
            raise TemplateRenderError(f"{path}: MJML: {_QUOTED_PART.sub('', str(error)).strip()}") from None
        except UnicodeEncodeError:
            raise TemplateRenderError(
                f"{path}: MJML: a value holds half of a surrogate pair; it is no valid text"
            ) from None
        unknown = _LEFT_OVER.search(html)
        if unknown is not None:
            raise TemplateRenderError(f"{path}: MJML has no element {unknown[1]}, or not in this place")
        return html

    @cached_property
    def _to_html(self) -> Callable[[str], str]:
        try:
            import mrml  # noqa: PLC0415 - an extra
        except ImportError:
            raise TemplateError("a template in MJML needs mrml: pip install notifier-worker[mjml]") from None
        options = mrml.ParserOptions(include_loader=mrml.noop_loader())
        return lambda source: mrml.to_html(source, options).content


class _IncludingLoader(BaseLoader):
    """Puts what ``mj-include`` names in its place: fragments, from the template folders."""

    def __init__(self, environment: Environment) -> None:
        self._plain = environment

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, UpToDate]:
        source, file, up_to_date = self._read(environment, template)
        if not template.endswith(ENDING):
            return source, file, up_to_date
        checks = [up_to_date]
        for _ in range(_MAX_INCLUDES):
            place = _first_include(source)
            if place is None:
                return source, file, lambda: all(check() for check in checks)
            tag, start, end = place
            part, _, unchanged = self._read(environment, tag.attributes.get("path", ""))
            checks.append(unchanged)
            if "<mjml" in part:
                raise TemplateRenderError(
                    f"{template}: mj-include takes a part of a mail, and {tag.attributes['path']} is a whole one"
                )
            before, behind = _AROUND.get(tag.attributes.get("type", ""), ("", ""))
            source = f"{source[:start]}{before}{part}{behind}{source[end:]}"
        raise TemplateRenderError(f"{template}: it has more than {_MAX_INCLUDES} mj-include, or one includes itself")

    def _read(self, environment: Environment, name: str) -> tuple[str, str, UpToDate]:
        if self._plain.loader is None:
            raise TemplateNotFound(name)
        source, file, up_to_date = self._plain.loader.get_source(environment, name)
        return source, file or name, up_to_date or (lambda: True)


def _first_include(source: str) -> tuple[StartTag, int, int] | None:
    """The tag with its place, and that of its end tag."""
    for token, start, end in placed_tokens(source):
        if isinstance(token, StartTag) and token.name == "mj-include":
            closing = re.compile(r"\s*</mj-include\s*>").match(source, end)
            return token, start, closing.end() if closing and not token.closed else end
    return None


class _CompilingLoader(BaseLoader):
    def __init__(self, loader: _IncludingLoader, to_html: Callable[[str, str], str]) -> None:
        self._loader = loader
        self._to_html = to_html

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, UpToDate]:
        source, file, up_to_date = self._loader.get_source(environment, template)
        if template.endswith(ENDING):
            source = self._compiled(source, template)
        return source, file, up_to_date

    def _compiled(self, source: str, template: str) -> str:
        try:
            return compiled(source, lambda mjml: self._to_html(mjml, template))
        except (
            TemplateRenderError
        ) as error:  # of a mail it may be right: Jinja chooses between tags that do not fit as they stand
            raise NotAtLoad(str(error)) from None
