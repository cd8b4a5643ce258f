from __future__ import annotations

from pathlib import Path

import pytest
from rendering_catalogs import make_note

from notifier.errors import TemplateError
from notifier.rendering import Renderer, TemplateLibrary


@pytest.mark.parametrize(
    ("html", "places"),
    [
        ("{{ name }}", ()),
        ("\n{{ name | safe }}", ("note/html.html.j2, line 2: | safe",)),
        ("{{ name | upper | safe | trim }}", ("note/html.html.j2, line 1: | safe",)),
        ("{{ '&nbsp;' | safe }}", ()),
        ("{{ ('&nbsp;' * 60) | safe }}", ()),
        ("{{ ('&nbsp;' * count) | safe }}", ("note/html.html.j2, line 1: | safe",)),
        ("{% filter safe %}{{ name }}{% endfilter %}", ("note/html.html.j2, line 1: | safe",)),
        ("{% autoescape false %}{{ name }}{% endautoescape %}", ("note/html.html.j2, line 1: autoescape is off",)),
        ("{% autoescape off %}{{ name }}{% endautoescape %}", ("note/html.html.j2, line 1: autoescape is off",)),
        ("{% autoescape true %}{{ name }}{% endautoescape %}", ()),
    ],
)
def test_what_is_not_escaped_is_named_by_its_place(tmp_path: Path, html: str, places: tuple[str, ...]) -> None:
    assert make_note(tmp_path, "{{ name | safe }}", html).unescaped("note") == places


@pytest.mark.parametrize(
    "html",
    [
        "{% import '_macros/m.txt.j2' as m %}{{ m.hi(name) }}",
        "{% from '_macros/m.txt.j2' import hi %}{{ hi(name) }}",
        "{% include ['_macros/m.txt.j2', 'x.html.j2'] %}",
    ],
)
def test_a_file_of_texts_in_html_is_named(tmp_path: Path, html: str) -> None:
    (tmp_path / "_macros").mkdir()
    (tmp_path / "_macros" / "m.txt.j2").write_text("{% macro hi(name) %}Hi {{ name }}{% endmacro %}")
    (place,) = make_note(tmp_path, "", html).unescaped("note")
    assert place.startswith("note/html.html.j2, line 1: _macros/m.txt.j2 is no html")


def test_what_is_not_escaped_in_a_shared_file_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "_macros").mkdir()
    (tmp_path / "_macros" / "m.html.j2").write_text("{% macro hi(name) %}Hi {{ name | safe }}{% endmacro %}")
    html = "{% import '_macros/m.html.j2' as m %}{{ m.hi(name) }}{% include '_macros/m.html.j2' %}"
    assert make_note(tmp_path, "", html).unescaped("note") == ("_macros/m.html.j2, line 1: | safe",)


@pytest.mark.parametrize("shared", [b"{% if %}", b"\xff"])
def test_a_shared_file_that_no_sample_reaches_and_that_is_broken_is_an_error(tmp_path: Path, shared: bytes) -> None:
    (tmp_path / "_layouts").mkdir()
    (tmp_path / "_layouts" / "base.html.j2").write_bytes(shared)
    with pytest.raises(TemplateError, match=r"_layouts/base\.html\.j2, line"):
        make_note(tmp_path, "", "{% extends '_layouts/base.html.j2' %}").unescaped("note")


@pytest.mark.long  # all of them
def test_the_shipped_templates_escape_every_value() -> None:
    renderer = Renderer(TemplateLibrary())
    assert [place for name in renderer.names() for place in renderer.unescaped(name)] == []
