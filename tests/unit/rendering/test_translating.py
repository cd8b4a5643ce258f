from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import write_po
from hypothesis import given
from hypothesis import strategies as st
from rendering_catalogs import make_note, po, write_catalog

from notifier.errors import TemplateRenderError
from notifier.rendering.translating import escaped_but_for_the_tags_of

GREETING = "{% trans name=name %}Hello <b>{{ name }}</b>{% endtrans %}"


def html_of(root: Path, template: str, message: str, translation: str, **context: object) -> str:
    write_catalog(root, "de", po({message: translation}))
    return make_note(root, "text", template).render("note", context, "de").html or ""


def test_a_value_in_a_translation_is_escaped_in_html(tmp_path: Path) -> None:
    html = html_of(tmp_path, GREETING, "Hello <b>%(name)s</b>", "Hallo <b>%(name)s</b>", name="<script>")
    assert html == "Hallo <b>&lt;script&gt;</b>"


def test_a_value_in_a_text_is_not_escaped(tmp_path: Path) -> None:
    write_catalog(tmp_path, "de", po({"Hello %(name)s": "Hallo %(name)s & Co"}))
    renderer = make_note(tmp_path, "{% trans name=name %}Hello {{ name }}{% endtrans %}")
    assert renderer.render("note", {"name": "<Zoë>"}, "de").text == "Hallo <Zoë> & Co"


@pytest.mark.parametrize(
    ("translation", "html"),
    [
        ("<b>%(name)s</b>, hallo", "<b>Zoë</b>, hallo"),
        ("<i>%(name)s</i>", "&lt;i&gt;Zoë&lt;/i&gt;"),
        ("<b onclick=alert(1)>%(name)s</b>", "&lt;b onclick=alert(1)&gt;Zoë</b>"),
        ("<script>%(name)s", "&lt;script&gt;Zoë"),
        ("A&nbsp;& B &lt; %(name)s", "A&nbsp;&amp; B &lt; Zoë"),
    ],
)
def test_of_a_translators_tags_those_of_the_source_text_pass(tmp_path: Path, translation: str, html: str) -> None:
    assert html_of(tmp_path, GREETING, "Hello <b>%(name)s</b>", translation, name="Zoë") == html


@pytest.mark.parametrize("translation", ["%(nam)s", "%s", "100 %", "%(name)d", "%(name)99999999s", "%(name"])
def test_placeholders_that_the_source_text_does_not_have_are_told(tmp_path: Path, translation: str) -> None:
    with pytest.raises(TemplateRenderError, match=r"the translation of 'Hello %\(name\)s' to de has placeholders"):
        html_of(
            tmp_path, "{% trans name=name %}Hello {{ name }}{% endtrans %}", "Hello %(name)s", translation, name="x"
        )


@pytest.mark.parametrize("translation", ["%(name)s %(name)s", "Hallo", "100 %% %(name)s"])
def test_a_translation_may_leave_placeholders_out_and_repeat_them(tmp_path: Path, translation: str) -> None:
    html = html_of(
        tmp_path, "{% trans name=name %}Hello {{ name }}{% endtrans %}", "Hello %(name)s", translation, name="x"
    )
    assert html == translation.replace("%(name)s", "x").replace("%%", "%")


def test_a_translation_stays_in_its_attribute(tmp_path: Path) -> None:
    template = "<p title=\"{% trans %}Hello{% endtrans %}\" lang='{{ _('Hello') }}'>"
    html = html_of(tmp_path, template, "Hello", "\\\"'x")
    assert html == "<p title=\"&#34;&#39;x\" lang='&#34;&#39;x'>"


def test_data_that_is_given_to_gettext_is_escaped(tmp_path: Path) -> None:
    html = html_of(tmp_path, "{{ _(month) }} {{ _(name) }}", "May", "<Mai>", month="May", name="<script>")
    assert html == "&lt;Mai&gt; &lt;script&gt;"


def test_values_are_put_into_gettexts_source_text(tmp_path: Path) -> None:
    html = html_of(
        tmp_path, "{{ _('Hello %(name)s', name=name) }} {{ _('5 %') }}", "Hello %(name)s", "<i> %(name)s", name="<b>"
    )
    assert html == "&lt;i&gt; &lt;b&gt; 5 %"


def test_plurals_and_meanings(tmp_path: Path) -> None:
    catalog = po({}) + (
        '\nmsgid "%(num)s mail"\nmsgid_plural "%(num)s mails"\nmsgstr[0] "%(num)s Brief"\nmsgstr[1] "%(num)s Briefe"\n'
        '\nmsgctxt "month"\nmsgid "May"\nmsgstr "Mai"\n'
        '\nmsgctxt "n"\nmsgid "one"\nmsgid_plural "many"\nmsgstr[0] "eins"\nmsgstr[1] "viele"\n'
    )
    write_catalog(tmp_path, "de", catalog)
    text = (
        "{% trans num=count %}{{ num }} mail{% pluralize %}{{ num }} mails{% endtrans %} "
        "{{ pgettext('month', 'May') }} {{ npgettext('n', 'one', 'many', count) }}"
    )
    renderer = make_note(tmp_path, text)
    assert [renderer.render("note", {"count": count}, "de").text for count in (1, 2)] == [
        "1 Brief Mai eins",
        "2 Briefe Mai viele",
    ]
    assert renderer.render("note", {"count": 2}).text == "2 mails May many"


def test_a_macro_that_is_imported_speaks_the_mails_language(tmp_path: Path) -> None:
    write_catalog(tmp_path, "de", po({"Open": "Öffnen"}))
    (tmp_path / "_macros").mkdir()
    (tmp_path / "_macros" / "ours.txt.j2").write_text("{% macro open() %}{% trans %}Open{% endtrans %}{% endmacro %}")
    renderer = make_note(tmp_path, "{% from '_macros/ours.txt.j2' import open %}{{ open() }}")
    assert [renderer.render("note", {}, tag).text for tag in (None, "de", None)] == ["Open", "Öffnen", "Open"]


def test_what_pybabel_extracts_is_what_is_looked_up(tmp_path: Path) -> None:
    source = (
        "<p>\n{% if x %}\n  {% trans name=name %}Hello {{ name }},\n  you{% endtrans %}\n{% endif %}\n{{ _('Bye') }}"
    )
    renderer = make_note(tmp_path, "text", source)
    options = {"trim_blocks": "true", "lstrip_blocks": "true", "keep_trailing_newline": "true", "encoding": "utf-8"}
    catalog = Catalog(locale="de")
    found = extract_from_file("jinja2.ext:babel_extract", tmp_path / "note" / "html.html.j2", options=options)
    for _, message, _, _ in found:
        catalog.add(message, f"[{message}]")
    file = BytesIO()
    write_po(file, catalog)
    write_catalog(tmp_path, "de", file.getvalue())
    assert renderer.render("note", {"x": 1, "name": "Zoë"}, "de").html == "<p>\n[Hello Zoë,\n  you][Bye]"


@given(
    st.lists(st.sampled_from(["<b>", "</b>", "<", ">", "&", "&amp;", '"', "'", "a", "<script", "%(x)s"])).map("".join)
)
def test_no_tag_passes_that_the_source_text_does_not_have(translation: str) -> None:
    shown = escaped_but_for_the_tags_of(("<b>%(x)s</b>",), translation)
    rest = shown.replace("<b>", "").replace("</b>", "")
    assert not set(rest) & set("<>\"'")
