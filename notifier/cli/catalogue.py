"""`Catalogue`: the templates of a library, as the preview asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifier.console.preview_page.templates import About
from notifier.errors import TemplateError
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
        self._renderer.require(name)
        samples = self._renderer.sample_contexts(name)
        for sample, context in samples.items():
            if not isinstance(context, Mapping):
                raise TemplateError(f"template {name!r}: the sample {sample!r} in meta.json is no object")
        return About(
            str(self._library.meta(name).get("description", "")),
            samples,
            self._library.locales(name),
            self._renderer.sensitive(name),
        )

    def render(self, template: str, context: Mapping[str, Any], locale: str | None) -> Content:
        """The content. Raises `TemplateError`."""
        return self._renderer.render(template, context, locale)

    def stamp(self) -> str:
        """Of every file."""
        return self._library.stamp()
