from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import TemplateError, TemplateRenderError
from notifier.model.content import Content
from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering.html_tokens import StartTag, tokens


def make(folder: Path, body: str, **layouts: str) -> Renderer:
    for place, text in {"note/body.md.j2": body, "note/subject.txt.j2": "News & more", **layouts}.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    return Renderer(TemplateLibrary([folder]))


BARE = {"_layouts/markdown.html.j2": "{{ mail_body }}"}


def content(folder: Path, body: str, **context: Any) -> Content:
    return make(folder, body, **BARE).render("note", context)


def html(folder: Path, body: str, **context: Any) -> str:
    return (content(folder, body, **context).html or "").strip()


def test_markdown_becomes_html_in_the_shipped_layout_and_text(tmp_path: Path) -> None:
    made = make(tmp_path, "# Hi {{ name }}\n\n- one\n- [two]({{ url | link }})\n").render(
        "note", {"name": "Zoë", "url": "https://x.example/?a=1&b=2"}
    )
    assert made.html is not None
    assert "<title>News &amp; more</title>" in made.html
    assert "<h1>Hi Zoë</h1>" in made.html
    assert "Hi Zoë\n======\n\n* one\n* two [1]\n" in made.text
    assert "\n[1] https://x.example/?a=1&b=2\n" in made.text


def test_a_table_is_one_in_the_text_too(tmp_path: Path) -> None:
    made = content(
        tmp_path,
        "| Item | Price |\n|---|--:|\n{% for i in items %}| {{ i }} | {{ 9 | money }} |\n{% endfor %}",
        items=["Ink", "A|B"],
    )
    assert made.text == "Item  Price\n----  -----\nInk    9.00\nA|B    9.00\n"


def test_a_block_that_is_set_is_a_value_with_its_own_values_in_it(tmp_path: Path) -> None:
    body = "{% set both %}*{{ name }}* & {{ name }}{% endset %}{{ both }}"
    assert html(tmp_path, body, name="<b>") == "<p>*&lt;b&gt;* &amp; &lt;b&gt;</p>"


@pytest.mark.parametrize(
    "body",
    [
        "{% filter upper %}{{ name }}{% endfilter %}",
        "{% macro m(a) %}*{{ a }}*{% endmacro %}{{ m(name) | upper }}",
        "{% set block %}{{ name }}{% endset %}{{ block[:-1] }}",
    ],
)
def test_a_filter_over_what_values_stand_in_is_an_error_and_no_mail_of_digits(tmp_path: Path, body: str) -> None:
    with pytest.raises(TemplateRenderError, match="filter the values in it instead"):
        html(tmp_path, body, name="Zoë")


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Renderer]:
    """One for each body: a template is compiled once, whatever values it is given."""
    return cache(lambda body: make(tmp_path_factory.mktemp("markdown"), body, **BARE))


@pytest.mark.long
@pytest.mark.parametrize(
    "value",
    [
        "**bold**", "_it_", "`code`", "# head", "- item", "1. item", "> quote", "[x](https://evil.example)", "![x](https://evil.example)", "<https://evil.example>",
        "<script>x</script>", "&lt;b&gt;", "&amp;", "a\n\nb", "\n# head", "~~x~~", "|", "\\", "    code", "[x]: https://evil.example", "{{ 7*7 }}", "---", "***", '"><b>', "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", ["x {{ name }} y", "**{{ name }}**", "{{ name }}", "- {{ name }}", "{% macro m(a) %}*{{ a }}*{% endmacro %}{{ m(name) }}", "{{ name | e }}", "{{ 'q' ~ name }}", "`{{ name }}`", "    {{ name }}"])  # fmt: skip
def test_a_value_is_never_markup(renderer: Callable[[str], Renderer], body: str, value: str) -> None:
    plain, marked = (
        renderer(one).render("note", {"name": name}) for one, name in ((body, "plain"), ("z\n\n" + body, value))
    )
    shape = [token for token in tokens((plain.html or "").strip()) if isinstance(token, StartTag)]
    made = list(tokens((marked.html or "").strip()))
    assert [token for token in made if isinstance(token, StartTag)][1:] == shape
    assert " ".join(value.split()) in " ".join("".join(token for token in made if isinstance(token, str)).split())


@given(st.text())
def test_any_value_comes_through_as_it_is(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    made = html(tmp_path_factory.mktemp("markdown"), "x *{{ name }}* y", name=value)
    found = list(tokens(made))
    assert [token.name for token in found if isinstance(token, StartTag)] == ["p", "em"]
    assert "".join(token for token in found if isinstance(token, str)).strip("\n") == f"x {value} y"


@pytest.mark.parametrize(
    "url", ["javascript:x()", "JavaScript:x", "data:text/html,x", "/x", "x.html", "https://x.example/ y"]
)
@pytest.mark.parametrize("body", ["[x]({{ url }})", "[x][a]\n\n[a]: {{ url }}"])
def test_a_link_is_one_by_the_rule_of_links(tmp_path: Path, body: str, url: str) -> None:
    with pytest.raises(TemplateRenderError, match=r"note/body\.md\.j2: a link begins with https://"):
        html(tmp_path, body, url=url)


def test_the_templates_own_links_keep_the_rule_too(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match=r"a link begins with"):
        html(tmp_path, "[x](javascript:run)")


def test_a_link_takes_its_url_as_it_is(tmp_path: Path) -> None:
    assert (
        html(tmp_path, "[x]({{ url }})", url='https://x.example/?a="b"&c=ä_*')
        == '<p><a href="https://x.example/?a=&quot;b&quot;&amp;c=ä_*">x</a></p>'
    )


def test_an_inline_image_goes_along(tmp_path: Path) -> None:
    (tmp_path / "note" / "images").mkdir(parents=True)
    (tmp_path / "note" / "images" / "head.png").write_bytes(b"\x89PNG")
    made = content(tmp_path, "![Our logo]({{ inline_image('head.png') }})")
    assert made.inline_images[0].filename == "head.png"
    assert f'src="cid:{made.inline_images[0].content_id}"' in (made.html or "")
    assert made.text.startswith("Our logo\n")


def test_an_image_from_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateRenderError, match=r"an image begins with"):
        html(tmp_path, "![x]({{ url }})", url="file:///etc/passwd")


def test_html_in_markdown_is_text(tmp_path: Path) -> None:
    assert html(tmp_path, "a <b>x</b>") == "<p>a &lt;b&gt;x&lt;/b&gt;</p>"


def test_a_macro_writes_markdown(tmp_path: Path) -> None:
    body = "{% macro line(name) %}**{{ name }}**{% endmacro %}{{ line(name) }} {% macro box() %}*{{ caller() }}*{% endmacro %}{% call box() %}{{ name }}{% endcall %}"
    assert html(tmp_path, body, name="*a*") == "<p><strong>*a*</strong> <em>*a*</em></p>"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("one\n{{ nam }}", r"note/body\.md\.j2, line 2: 'nam' is undefined"),
        ("{{ name | safe }}", r"note/body\.md\.j2, line 1: in Markdown no value becomes markup"),
        ("{% if %}", r"note/body\.md\.j2, line 1: syntax"),
        ("{{ ''.__class__ }}", r"unsafe"),
    ],
)
def test_an_error_names_file_and_line(tmp_path: Path, body: str, error: str) -> None:
    with pytest.raises(TemplateRenderError, match=error):
        html(tmp_path, body, name="Zoë")


def test_a_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    with pytest.raises(TemplateError, match=r"notifier-worker\[markdown\]"):
        html(tmp_path, "x")
