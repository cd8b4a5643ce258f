"""The Jinja2 environment: immutable sandbox, strict about undefined names, escaping by our own rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.rendering.library import TemplateLibrary

SAFE_SCHEMES = ("https://", "http://", "mailto:")
_TEXT_ENDINGS = (".txt", ".txt.j2", ".md", ".md.j2")


class LibraryLoader(BaseLoader):
    """Loads what the library finds, and looks again when a file has changed."""

    def __init__(self, library: TemplateLibrary) -> None:
        self._library = library

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Jinja2's own contract."""
        del environment
        loaded = self._library.load(template)
        if loaded is None:
            raise TemplateNotFound(template)
        source, file = loaded
        changed = file.stat().st_mtime_ns

        def up_to_date() -> bool:
            try:
                return file.stat().st_mtime_ns == changed
            except OSError:
                return False

        return source, str(file), up_to_date


def autoescaped(name: str | None) -> bool:
    """On for everything but plain text: jinja2's own default is off for ``.html.j2``, and an unknown ending is html."""
    return name is None or not name.endswith(_TEXT_ENDINGS)


def money(amount: Any, currency: str = "") -> str:
    """``1234.5`` as ``1,234.50 EUR``. Takes text, int or float; raises `ValueError` for anything else."""
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        raise ValueError("money needs a number") from None
    return f"{value:,.2f} {currency}".rstrip()


def day(value: Any, pattern: str = "%d %B %Y") -> str:
    """An ISO 8601 date or time by ``strftime``'s pattern. Raises `ValueError`."""
    text = str(value)
    moment = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    return moment.strftime(pattern)


def link(value: Any) -> str:
    """A URL that is safe in an ``href``. Raises `SecurityError` for ``javascript:`` and its kind."""
    url = str(value).strip()
    if not url.lower().startswith(SAFE_SCHEMES) or any(ord(char) < 33 for char in url):
        raise SecurityError("a link begins with https://, http:// or mailto: and holds no blank")
    return url


def make_environment(library: TemplateLibrary) -> Environment:
    """One environment for the whole process; its compiled templates are cached in it."""
    environment = ImmutableSandboxedEnvironment(
        loader=LibraryLoader(library),
        undefined=StrictUndefined,
        autoescape=autoescaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=400,
    )
    environment.filters.update(money=money, day=day, link=link)
    return environment
