"""`Catalogue`: the templates of a library, as the preview asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifier.console.preview_page.templates import About
from notifier.model.content import Content
from notifier.rendering import Renderer, TemplateLibrary


class Catalogue:
    """The templates of a library."""

    def __init__(self, library: TemplateLibrary, renderer: Renderer) -> None:
        self._library = library
        self._renderer = renderer

    def names(self) -> tuple[str, ...]:
        """Every template, sorted."""
        return self._renderer.names()

    def about(self, name: str) -> About:
        """What is to be known of it. Raises `TemplateError`."""
        metadata = self._renderer.metadata(name)
        locales = self._library.locales(name)
        return About(metadata.description, metadata.samples, locales, metadata.sensitive, metadata.defaults)

    def render(self, template: str, context: Mapping[str, Any], locale: str | None) -> Content:
        """The content. Raises `TemplateError`."""
        return self._renderer.render(template, context, locale)

    def stamp(self) -> str:
        """Of every file."""
        return self._library.stamp()
