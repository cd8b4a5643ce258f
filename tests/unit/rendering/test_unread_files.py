"""A file that nothing reads is named, and one that was meant to be a part is refused: its mail would go without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendering_catalogs import make_note

from notifier.errors import TemplateError
from notifier.rendering import Renderer, TemplateLibrary

pytestmark = pytest.mark.unit


def with_files(root: Path, *paths: str, html: str | None = None) -> Renderer:
    renderer = make_note(root, "hello", html)
    for path in paths:
        file = root / "note" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    return renderer


@pytest.mark.parametrize(
    "name", ["html.mjml", "html.html", "html.j2", "html", "body.md", "locales/de/text.j2", "locales/de/subject.txt"]
)
def test_what_was_meant_to_be_a_part_is_refused_by_the_check(tmp_path: Path, name: str) -> None:
    with pytest.raises(TemplateError, match=f"nothing reads note/{name}: the parts of a template are called subject"):
        with_files(tmp_path, name).check("note")


def test_a_mail_does_not_go_as_text_alone_where_its_html_has_another_ending(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"nothing reads note/html\.mjml: .*html\.mjml\.j2"):
        with_files(tmp_path, "html.mjml").render("note", {})


def test_what_stands_beside_the_part_itself_is_named_and_does_no_harm(tmp_path: Path) -> None:
    renderer = with_files(tmp_path, "html.mjml", "notes.txt", "fonts/a.woff", html="<p>hello")
    renderer.check("note")
    assert renderer.unread("note") == ("note/fonts/a.woff", "note/html.mjml", "note/notes.txt")


def test_what_a_text_of_the_template_names_is_read(tmp_path: Path) -> None:
    renderer = with_files(
        tmp_path, "style.css", "schema.json", "images/a.png", "locales/de/text.txt.j2", ".hidden",
        html="{% include 'note/style.css' %}",
    )  # fmt: skip
    (tmp_path / "note" / "meta.json").write_text('{"schema": "schema.json"}')
    assert renderer.unread("note") == ()


def test_of_what_ships_everything_is_read() -> None:
    renderer = Renderer(TemplateLibrary())
    assert [path for name in renderer.names() for path in renderer.unread(name)] == []
