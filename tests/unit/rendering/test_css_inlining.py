from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import css_inline
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from notifier.errors import TemplateError
from notifier.rendering import Renderer, TemplateLibrary, shipped_templates
from notifier.rendering.html_tokens import StartTag, tokens

HTML = "html.html.j2"
IMPLIED = ("html", "head", "body", "tbody")


def make(folder: Path, html: str, *, inline: bool = True, **others: str) -> Renderer:
    note = folder / "note"
    note.mkdir(parents=True, exist_ok=True)
    for name, text in {"subject.txt.j2": "Hi", HTML: html, "meta.json": json.dumps({"inline_css": inline})}.items():
        (note / name).write_text(text, encoding="utf-8")
    for name, text in others.items():
        (folder / "_layouts").mkdir(exist_ok=True)
        (folder / "_layouts" / f"{name}.html.j2").write_text(text, encoding="utf-8")
    return Renderer(TemplateLibrary([folder]))


def made(renderer: Renderer, **context: Any) -> str:
    return renderer.render("note", context).html or ""


def why_not(renderer: Renderer) -> str:
    """Why the mails are inlined one by one; empty where the template was."""
    plan = renderer._css.plan(f"note/{HTML}")
    return "" if plan.environment is not None else plan.why


def elements(html: str) -> list[object]:
    """The tags with their attributes, less those that a parser adds by itself, and the words between."""
    found = [token for token in tokens(html) if isinstance(token, StartTag | str)]
    return [" ".join(token.split()) if isinstance(token, str) else (token.name, dict(token.attributes)) for token in found
            if (token.strip() if isinstance(token, str) else token.name not in IMPLIED)]  # fmt: skip


def same_as_each_by_itself(folder: Path, renderer: Renderer, html: str, **context: Any) -> bool:
    plain = made(make(folder / "plain", html, inline=False), **context)
    return elements(made(renderer, **context)) == elements(
        css_inline.inline(plain, keep_style_tags=True, load_remote_stylesheets=False)
    )


SHEET = "<style>p { color: red } .b, #c { margin: 0 } a:hover { color: blue } @media (prefers-color-scheme: dark) { p { color: white !important } }</style>"


def test_a_tag_that_a_loop_never_closes_is_an_error_and_not_the_end_of_the_process(tmp_path: Path) -> None:
    html = "<style>p > b { color: red }</style>{% for i in range(30000) %}<div>{% endfor %}"
    with pytest.raises(TemplateError, match="never closed in a loop"):
        made(make(tmp_path, html))


def test_styles_that_would_make_the_html_endless_are_refused(tmp_path: Path) -> None:
    rules = "".join(f"--x{number}: 0123456789;" for number in range(100))
    html = f"<style>p > b {{ {rules} }}</style>" + "{% for i in range(9000) %}<p><b>x</b></p>{% endfor %}"
    with pytest.raises(TemplateError, match="over 10,485,760 characters"):
        made(make(tmp_path, html))


def test_styles_are_in_the_tags_and_the_sheet_stays_for_media_and_hover(tmp_path: Path) -> None:
    html = made(make(tmp_path, SHEET + "<p class='b'>{{ name }}</p>"), name="<Zoë>")
    assert "margin: 0" in html.split("<p ")[1]
    assert "color: red" in html.split("<p ")[1]
    assert "a:hover { color: blue }" in html
    assert "p { color: white !important }" in html
    assert "&lt;Zoë&gt;" in html


@pytest.mark.long
@pytest.mark.parametrize("name", TemplateLibrary().names())
def test_the_shipped_templates_are_inlined_as_each_mail_would_be(name: str) -> None:
    renderer = Renderer(TemplateLibrary())
    for context in json.loads((shipped_templates() / name / "meta.json").read_text(encoding="utf-8"))[
        "samples"
    ].values():
        names = {**context, "inline_image": lambda file: f"cid:{file}"}
        plain = renderer._environment.get_template(f"{name}/{HTML}").render(names)
        assert elements(renderer._inlined(f"{name}/{HTML}", names)) == elements(renderer._css.inline(plain))


def test_a_sheet_for_outlook_in_a_comment_is_no_obstacle(tmp_path: Path) -> None:
    renderer = make(tmp_path, "<!--[if mso]><style>td { top: 0 }</style><![endif]-->" + SHEET + "<p>x")
    assert 'style="color: red' in made(renderer)
    assert why_not(renderer) == ""


@pytest.mark.parametrize(
    ("html", "why"),
    [
        (SHEET + "<p class='{{ name }}'>x", "<p> depends on the mail"),
        (SHEET + "<p {% if name %}class='b'{% endif %}>x", "<p> depends on the mail"),
        (SHEET + "<p title={{ name }}>x", "<p> depends on the mail"),
        (SHEET + "<{{ name }} class='b'>x</{{ name }}>", "a tag's name depends on the mail"),
        (SHEET + "<p{{ name }}>x", "depends on the mail"),
        (SHEET + "{{ '<p>x</p>' | safe }}", "markup in its strings"),
        (SHEET + "{% macro m() %}<p>x</p>{% endmacro %}x{{ m()[4:] }}", "a part is cut out of markup"),
        (SHEET + "{% filter upper %}<p>x</p>{% endfilter %}", "a filter works on markup"),
        (SHEET + "{% autoescape false %}{{ name }}{% endautoescape %}", "a filter works on markup"),
        (SHEET + "{% include name + '' ignore missing %}x", "which files it reaches"),
        (SHEET + SHEET + "<p>x", "it has 2 style sheets"),
        ("<p>x", "it has 0 style sheets"),
        ("<style>p { color: {{ name }} }</style><p>x", "a style element depends on the mail"),
        ("<style media='print'>p { color: red }</style><p>x", "a style element depends on the mail"),
        ("<style>td p { color: red }</style><table><td><p>x", "td p looks at more"),
        ("<style>p:first-child { color: red }</style><p>x", "looks at more"),
        ("<style>p:not(:hover) { color: red }</style><p>x", "looks at more"),
        (SHEET + "<p>x</p>{% include 'note/subject.txt.j2' %}", "what it includes is not escaped"),
        ("<style>* { color: red }</style><p>x", "looks at more"),
        ("<style>[title] { color: red }</style><p>x", "looks at more"),
        ("<style>p { b { color: red } }</style><p><b>x", "looks at more"),
        ("<style>.a { content: '{' } .a .b { color: red }</style><p>x", "told apart by their braces"),
        ("<style>tr { color: red }</style><table><td>x", "a parser may add"),
        ("<style>body { color: red }</style>x", "<body> is not in its source"),
        ("<style>@supports (color: red) { p { color: red } }</style><p>x", "may be inlined"),
    ],
)
def test_where_the_source_does_not_tell_each_mail_is_inlined(tmp_path: Path, html: str, why: str) -> None:
    renderer = make(tmp_path, html)
    assert why in why_not(renderer)
    assert same_as_each_by_itself(tmp_path, renderer, html, name="b")


def test_a_page_its_layout_and_its_macros_are_inlined_by_the_one_sheet(tmp_path: Path) -> None:
    layout = f"<head>{SHEET}</head><body class='b'>{{% block content %}}{{% endblock %}}</body>"
    macros = "{% macro line(words) %}<p id='c' style='top: 1px'>{{ words }}</p>{% endmacro %}"
    page = "{% extends '_layouts/base.html.j2' %}{% import '_layouts/lines.html.j2' as m %}{% block content %}{{ m.line(name) }}<p>y{% endblock %}"
    renderer = make(tmp_path, page, base=layout, lines=macros)
    make(tmp_path / "plain", page, base=layout, lines=macros)
    assert why_not(renderer) == ""
    assert same_as_each_by_itself(tmp_path, renderer, page, name="<b>")


def test_a_page_that_leaves_the_sheet_of_its_layout_out_is_inlined_by_its_own(tmp_path: Path) -> None:
    layout = (
        f"<head>{{% block style %}}{SHEET}{{% endblock %}}</head><body>{{% block content %}}{{% endblock %}}</body>"
    )
    page = (
        "{% extends '_layouts/base.html.j2' %}{% block style %}{% endblock %}{% block content %}<p>x</p>{% endblock %}"
    )
    renderer = make(tmp_path, page, base=layout)
    assert why_not(renderer) == ""
    assert "style=" not in made(renderer)
    assert why_not(renderer) == "a mail had other styles than its layout"
    assert "style=" not in made(renderer)


def test_strings_in_a_sheet_are_no_obstacle(tmp_path: Path) -> None:
    renderer = make(tmp_path, "<style>p { font-family: 'A B', serif } b { color: red }</style><p>x <b>y</b>")
    assert why_not(renderer) == ""
    assert "font-family: 'A B', serif" in made(renderer).replace("&#x27;", "'")


@pytest.mark.parametrize(
    ("html", "why"),
    [
        ("{{ name | safe }}", "a filter makes markup"),
        ("{{ ['a', name | safe] | join(' ') }}", "a filter makes markup"),
        ("<p{{ {'class': 'b'} | xmlattr }}>x", "<p> depends on the mail"),
        ("{{ name | urlize }} https://x.example {{ 'https://x.example' | urlize }}", "a filter makes markup"),
        ("{% macro m() %}<p class='b'>x</p>{% endmacro %}{{ m() | upper }}", "a filter makes markup"),
        ("{% macro m() %}<p class='b'>x</p>{% endmacro %}{{ m().replace('p', 'b') }}", "a method works on markup"),
        ("{% set m %}<p class='b'>x</p>{% endset %}{{ m | replace('p', 'b') }}", "a filter makes markup"),
    ],
)
def test_a_mail_whose_values_make_markup_is_inlined_by_itself(tmp_path: Path, html: str, why: str) -> None:
    renderer = make(tmp_path, SHEET + html)
    assert same_as_each_by_itself(tmp_path, renderer, SHEET + html, name="<p class='b'>y</p>")
    assert why_not(renderer) == why


def test_filters_of_plain_values_are_no_obstacle(tmp_path: Path) -> None:
    page = (
        SHEET
        + "<p>{{ name | upper | replace('B', 'C') }} {{ [1, name] | join(', ') }} {{ '%s' | format(name) }} {{ name | e }}"
    )
    renderer = make(tmp_path, page)
    assert same_as_each_by_itself(tmp_path, renderer, page, name="<b>")
    assert why_not(renderer) == ""


def test_a_changed_layout_is_inlined_anew(tmp_path: Path) -> None:
    page = "{% extends '_layouts/base.html.j2' %}{% block content %}<p>x</p>{% endblock %}"
    layout = "<style>p {{ color: {} }}</style>{{% block content %}}{{% endblock %}}"
    renderer = make(tmp_path, page, base=layout.format("red"))
    assert 'style="color: red' in made(renderer)
    make(tmp_path, page, base=layout.format("green"))
    assert 'style="color: green' in made(renderer)


TAGS = st.sampled_from(["<p>y</p>", "<p class='b'>", "<p id=c>", "<div class='b x' style='color: green'>", "<b style='top:0!important' title='{{ name }}'>",
    "<table><tr><td class=b>", "<th>", "<ul><li>", "</div>", "</table>", "{{ name }}", "{% if name %}<i class=b>{% endif %}", "{% for i in [1, 2] %}<td id=c>{{ i }}{% endfor %}", "{% for i in [1, 2] %}<b>{% else %}<p>z</p>{% endfor %}",
    "<!-- <p> -->", "<br>", "<img alt='<p>' class=b>", "<a href='{{ name }}'>", "</a>", "x", "&amp;", "<hr class=x>", "<h1 class='x b'>", "<p class='{{ name }}'>"])  # fmt: skip
RULES = st.sampled_from(["p { color: red }", ".b { color: blue !important }", "#c { top: 1px }", "p.b { color: pink }", "td, th, li { margin: 0 }", "a:hover { top: 0 }",
    "@media print { p { color: black } }", "div p { left: 0 }", ".x { font-family: 'A B', serif }", "h1.x.b { color: red; color: green }", "/* p { } */", "a { color: navy }"])  # fmt: skip


@given(st.lists(TAGS, max_size=14), st.lists(RULES, max_size=6), st.sampled_from(["b", "", "<p class=b>"]))
def test_a_template_inlined_at_load_makes_the_mails_that_inlining_each_would(tmp_path_factory: pytest.TempPathFactory, tags: list[str], rules: list[str], name: str) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("inlined")
    html = f"<!doctype html><html><head><style>{' '.join(rules)}</style></head><body>x{''.join(tags)}</body></html>"
    renderer = make(folder, html)
    try:
        plain = make(folder / "plain", html, inline=False).render("note", {"name": name}).html or ""
    except TemplateError:
        return
    event(why_not(renderer)[:12])
    expected = css_inline.inline(plain, keep_style_tags=True, load_remote_stylesheets=False)
    # The empty paragraph that a parser makes of a stray </p> has no styles here, and none of the tags makes one.
    # A browser's parser and css-inline's own repair broken nesting when the mail is written anew: compare what both are after it.
    assert elements(
        css_inline.inline(made(renderer, name=name), inline_style_tags=False, keep_style_tags=True)
    ) == elements(expected)


@pytest.mark.parametrize("href", ["{file}", "file://{file}"])
def test_nothing_is_read_from_files_or_the_network(tmp_path: Path, href: str) -> None:
    sheet = tmp_path / "x.css"
    sheet.write_text("p { color: red }")
    html = f"<style>i {{ top: 0 }}</style><link rel='stylesheet' href='{href.format(file=sheet)}'><p>x</p>"
    assert "color: red" not in made(make(tmp_path, html))
    assert "color: red" not in made(make(tmp_path, html + "<p class='{{ name }}'>"), name="b")


def test_a_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "css_inline", None)
    with pytest.raises(TemplateError, match=r"notifier-worker\[css\]"):
        made(make(tmp_path, SHEET + "<p>x"))


def test_meta_json_says_true_or_false(tmp_path: Path) -> None:
    renderer = make(tmp_path, SHEET)
    (tmp_path / "note" / "meta.json").write_text('{"inline_css": "yes"}')
    with pytest.raises(TemplateError, match="inline_css that is neither true nor false"):
        made(renderer)
