"""``{% trans %}`` in bodies of Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rendering_catalogs import po, write_catalog

from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering.translated_markdown import markdown_of

pytestmark = pytest.mark.unit

LINK = "{% trans name=name, url=url | link %}**Hi** {{ name }}, [look]({{ url }}){% endtrans %}"
MESSAGE = "**Hi** %(name)s, [look](%(url)s)"


def html_of(root: Path, body: str, message: str, translation: str, **context: object) -> str:
    files = {"note/subject.txt.j2": "x", "note/body.md.j2": body, "_layouts/markdown.html.j2": "{{ mail_body }}"}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    write_catalog(root, "de", po({message: translation.replace("\n", r"\n")}))
    return (Renderer(TemplateLibrary([root])).render("note", context, "de").html or "").strip()


@pytest.mark.parametrize(
    ("translation", "html"),
    [
        ("", '<p><strong>Hi</strong> *Zoë*, <a href="https://x.example/?a=1">look</a></p>'),
        (
            "[schau](%(url)s), **%(name)s**!",
            '<p><a href="https://x.example/?a=1">schau</a>, <strong>*Zoë*</strong>!</p>',
        ),
        ("[schau](https://evil.example)", "<p>[schau](https://evil.example)</p>"),
        ("# Hallo\n\n- %(name)s", "<p># Hallo - *Zoë*</p>"),
        ("<b>Hallo</b> `%(name)s` &amp;", "<p>&lt;b&gt;Hallo&lt;/b&gt; `*Zoë*` &amp;amp;</p>"),
        ("1. %(name)s\n    Hallo", "<p>1. *Zoë* Hallo</p>"),
    ],
)
def test_of_a_translators_marks_those_of_the_source_text_pass(tmp_path: Path, translation: str, html: str) -> None:
    assert html_of(tmp_path, LINK, MESSAGE, translation, name="*Zoë*", url="https://x.example/?a=1") == html


def test_a_plural_and_a_meaning_are_markdown_too(tmp_path: Path) -> None:
    body = "{% trans n=n %}*one* mail{% pluralize %}*{{ n }}* mails{% endtrans %} {{ pgettext('verb', '*Open*') }} {{ _('*data*') }}"
    html = html_of(tmp_path, body, "Nothing", "Nichts", n=3)
    assert html == "<p><em>3</em> mails <em>Open</em> *data*</p>"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_translation_of_plain_words_is_plain_words(translation: str) -> None:
    translated = translation.replace("%", "%%")
    tokens = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).parse(
        markdown_of(("Plain words",), translated) % {}
    )  # fmt: skip
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    assert kinds <= {"text", "text_special"}
