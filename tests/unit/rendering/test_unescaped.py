from __future__ import annotations

from pathlib import Path

import pytest
from rendering_catalogs import make_note

from notifier.rendering import Renderer, TemplateLibrary


@pytest.mark.parametrize(
    ("html", "places"),
    [
        ("{{ name }}", ()),
        ("\n{{ name | safe }}", ("note/html.html.j2, line 2: | safe",)),
        ("{{ name | upper | safe | trim }}", ("note/html.html.j2, line 1: | safe",)),
        ("{{ '&nbsp;' | safe }}", ()),
        ("{% autoescape false %}{{ name }}{% endautoescape %}", ("note/html.html.j2, line 1: autoescape is off",)),
        ("{% autoescape off %}{{ name }}{% endautoescape %}", ("note/html.html.j2, line 1: autoescape is off",)),
        ("{% autoescape true %}{{ name }}{% endautoescape %}", ()),
    ],
)
def test_what_is_not_escaped_is_named_by_its_place(tmp_path: Path, html: str, places: tuple[str, ...]) -> None:
    assert make_note(tmp_path, "{{ name | safe }}", html).unescaped("note") == places


def test_the_shipped_templates_escape_every_value() -> None:
    renderer = Renderer(TemplateLibrary())
    assert [place for name in renderer.names() for place in renderer.unescaped(name)] == []
