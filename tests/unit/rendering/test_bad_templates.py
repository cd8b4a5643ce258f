"""Bad inputs 74 to 88: what a template or its context does wrong is that mail's error, at once and for good, and no other's.

79 and 80, one call that takes all memory and loops without end, are in tests/integration/test_untrusted_templates.py.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendering_catalogs import make_note

from notifier.delivery.context import checked_context
from notifier.errors import InvalidContext, TemplateError, TemplateNotFound, TemplateRenderError
from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering.environment import autoescaped
from notifier.rendering.output import MAX_OUTPUT


@pytest.mark.parametrize(
    "text",
    ["{{ x }}", "{{ x.y }}", "{{ x | upper }}", "{% if x %}{% endif %}", "{% for one in x %}{% endfor %}", "{{ x == 1 }}",
     "{{ x ~ '' }}", "{{ user.x }}", "{% include 'note/part.txt.j2' %}", "{% set y = x %}{{ y }}"],
)  # fmt: skip
def test_bad_input_74_an_undefined_variable_is_an_error_wherever_it_is_used(tmp_path: Path, text: str) -> None:
    renderer = make_note(tmp_path, text)
    (tmp_path / "note" / "part.txt.j2").write_text("{{ x }}")
    with pytest.raises(TemplateRenderError, match=r"'x'.*; pass it in the context"):
        renderer.render("note", {"user": {}})


@pytest.mark.parametrize(
    "text", ["{{", "{% if %}", "{% endif %}", "{% nope %}", "{{ 1 | nope }}", "{{ a b }}", "{# never"]
)
def test_bad_input_75_a_syntax_error_is_found_by_check(tmp_path: Path, text: str) -> None:
    with pytest.raises(TemplateRenderError, match=r"note/text\.txt\.j2, line 1: syntax"):
        make_note(tmp_path, text).check("note")


@pytest.mark.parametrize(
    "name",
    [
        "note/../note",
        "../in/note",
        "/etc/passwd",
        "note\x00",
        "NOTE",
        "note/",
        "./note",
        "note%2f",
        "",
        "..",
        "_macros",
    ],
)
def test_bad_input_76_a_template_is_named_and_never_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(TemplateNotFound):
        make_note(tmp_path / "in", "hello").render(name, {})


@pytest.mark.parametrize(
    "path", ["../out.txt.j2", "/etc/passwd", "note/../../out.txt.j2", "nope.txt.j2", "note/link.txt.j2"]
)
@pytest.mark.parametrize("tag", ["include", "extends", "import"])
def test_bad_input_76_a_partial_is_inside_the_folders(tmp_path: Path, path: str, tag: str) -> None:
    (tmp_path / "out.txt.j2").write_text("secret")
    renderer = make_note(tmp_path / "in", f"{{% {tag} '{path}' {'as x ' if tag == 'import' else ''}%}}")
    (tmp_path / "in" / "note" / "link.txt.j2").symlink_to(tmp_path / "out.txt.j2")
    with pytest.raises(TemplateRenderError, match="which is not there"):
        renderer.render("note", {})


@pytest.mark.parametrize(
    "text", ["{{ x }}", "{{ x | trim }}", "{% set y = x %}{{ y }}", "{{ '%s' | format(x) }}", "{{ _(x) }}"]
)
@given(data=st.sampled_from(["{{7*7}}", "{% raw %}", "{# x #}", "${7*7}", "<%= 7*7 %>", "{{ x }}", "#{7*7}"]))
def test_bad_input_77_data_is_never_a_template(tmp_path_factory: pytest.TempPathFactory, text: str, data: str) -> None:
    renderer = make_note(tmp_path_factory.mktemp("data"), text, "{{ x }}")
    assert renderer.render("note", {"x": data}).text == data


@pytest.mark.parametrize(
    "attack",
    [
        "''.__class__.__mro__", "''['__class__']", "''|attr('__class__')", "''|attr('\\x5f\\x5fclass\\x5f\\x5f')",
        "lipsum.__globals__", "lipsum|attr('__globals__')", "cycler.__init__.__globals__", "joiner.__init__", "namespace.__init__",
        "self.__init__", "inline_image.__globals__", "inline_image.__closure__", "gettext.__globals__", "_.__globals__",
        "money.__globals__", "range.__self__", "'{0.__class__}'.format(1)", "('{0.__class__}'|attr('format'))(1)",
        "'{x.__class__}'.format_map({'x': 1})", "('{0.__class__.__mro__}'.format)(1)", "['{0.__class__}'.format][0](1)",
        "dict.fromkeys.__self__.__mro__", "x.append(1)", "x.clear()", "d.update(a=1)",
        "x.sort()", "d.pop('k')", "(1).__class__",
        "x|sort(attribute='__class__.__name__')", "x|sum(attribute='__class__')", "''.join.__self__.__class__",
    ],
)  # fmt: skip
def test_bad_input_78_the_sandbox_holds(tmp_path: Path, attack: str) -> None:
    renderer = make_note(tmp_path, "{{ " + attack + " }}")
    with pytest.raises(TemplateRenderError):
        renderer.render("note", {"x": [1], "d": {"k": 1}})


@pytest.mark.parametrize("attack", ["x|map(attribute='__class__')|list", "x|groupby('__class__')|list"])
def test_bad_input_78_a_filter_finds_nothing_where_the_sandbox_forbids(tmp_path: Path, attack: str) -> None:
    assert "class" not in make_note(tmp_path, "{{ " + attack + " }}").render("note", {"x": [1]}).text


def test_bad_input_78_jinja2_is_new_enough() -> None:
    """CVE-2024-56326, CVE-2024-56201, CVE-2025-27516."""
    assert tuple(map(int, jinja2.__version__.split(".")[:3])) >= (3, 1, 6)


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    ["{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% include 'note/text.txt.j2' %}", "{% extends 'note/text.txt.j2' %}",
     "{% import 'note/text.txt.j2' as me %}", "{% macro m() %}{% call m() %}{% endcall %}{{ caller }}{% endmacro %}{% call m() %}{% endcall %}"],
)  # fmt: skip
def test_bad_input_81_what_calls_itself_ends(tmp_path: Path, text: str) -> None:
    with pytest.raises(TemplateRenderError, match="without end"):
        make_note(tmp_path, text).render("note", {})


@pytest.mark.parametrize(
    ("name", "on"),
    [("a.txt", False), ("a.txt.j2", False), ("a.md.j2", False), ("a.html", True), ("a.html.j2", True), ("a.xml.j2", True),
     ("a.j2", True), ("a", True), ("a.txt.html.j2", True), ("a.TXT.j2", True), (None, True)],
)  # fmt: skip
def test_bad_input_82_escaping_is_on_but_for_plain_text(name: str | None, on: bool) -> None:
    assert autoescaped(name) is on


@pytest.mark.parametrize("file", ["part.html.j2", "part.svg.j2", "part.j2"])
def test_bad_input_82_a_partial_of_any_ending_is_escaped(tmp_path: Path, file: str) -> None:
    renderer = make_note(tmp_path, "text", "{% include 'note/" + file + "' %}")
    (tmp_path / "note" / file).write_text("{{ x }}")
    assert renderer.render("note", {"x": "<b>"}).html == "&lt;b&gt;"


@given(st.text())
def test_bad_input_83_no_value_leaves_its_place_in_html(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    renderer = make_note(tmp_path_factory.mktemp("html"), "text", "<p title=\"{{ x }}\" lang='{{ x }}'>{{ x }}</p>")
    html = renderer.render("note", {"x": value}).html or ""
    assert [html.count(sign) for sign in "<>\"'"] == [2, 2, 2, 2]


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:x", "java\nscript:x", "\x01javascript:x", "data:text/html,x",
     "vbscript:x", "file:///etc/passwd", "//evil.example", "/path", "", "https://a b", "https://a\nb", 7, None],
)  # fmt: skip
def test_bad_input_83_a_link_has_a_scheme_that_is_safe(tmp_path: Path, url: object) -> None:
    with pytest.raises(TemplateRenderError, match="a link begins with"):
        make_note(tmp_path, "text", "<a href='{{ url | link }}'>").render("note", {"url": url})


def test_bad_input_84_what_turns_escaping_off_is_named(tmp_path: Path) -> None:
    renderer = make_note(tmp_path, "text", "{{ x | safe }}")
    assert renderer.unescaped("note") == ("note/html.html.j2, line 1: | safe",)


class Rude:
    def __str__(self) -> str:
        raise RuntimeError("hunter2")

    __repr__ = __str__


def endless() -> dict[str, object]:
    context: dict[str, object] = {}
    context["me"] = context
    return context


@pytest.mark.parametrize(
    "value",
    [Rude(), endless(), b"octets", Decimal("1.5"), datetime.now(UTC), float("nan"), float("inf"), {1, 2}, {1: 2}, Rude, iter([]),
     "\ud800"],
)  # fmt: skip
def test_bad_input_85_a_context_is_plain_json(value: object) -> None:
    with pytest.raises(InvalidContext) as error:
        checked_context({"x": value})
    assert "hunter2" not in str(error.value)


def test_bad_input_85_a_million_items_are_a_long_text_and_no_more(tmp_path: Path) -> None:
    renderer = make_note(tmp_path, "{{ items | length }} {{ items | sum }}")
    assert renderer.render("note", checked_context({"items": [1] * 10**6})).text == "1000000 1000000"


@pytest.mark.parametrize("subject", ["a\nb", "a\r\nb", "a\rb", "a\u2028b", "a\x0bb", "a\x85b", "\n\na  b\n"])
def test_bad_input_86_a_subject_is_one_line(tmp_path: Path, subject: str) -> None:
    renderer = make_note(tmp_path, "text")
    (tmp_path / "note" / "subject.txt.j2").write_text("{{ s }}")
    assert renderer.render("note", {"s": subject}).subject == "a b"


def test_bad_input_87_an_output_over_the_cap_is_cut_off(tmp_path: Path) -> None:
    renderer = make_note(tmp_path, "{% for i in range(99999) %}{{ x }}{% endfor %}")
    with pytest.raises(TemplateRenderError, match=f"over {MAX_OUTPUT:,} characters"):
        renderer.render("note", {"x": "y" * 999})


@pytest.mark.parametrize("locale", ["fr", "zz-ZZ", "../de", "de\x00", "", "d" * 99, "de-" * 50])
def test_bad_input_88_a_language_that_is_not_there_is_the_default(tmp_path: Path, locale: str) -> None:
    assert make_note(tmp_path, "{{ _('hello') }}").render("note", {}, locale).text == "hello"


def test_bad_input_88_text_from_right_to_left_comes_through(tmp_path: Path) -> None:
    renderer = make_note(tmp_path, "{{ x }}", '<p dir="{{ lang | direction }}">{{ x }}</p>')
    content = renderer.render("note", {"x": "שלום \u2067x\u2069", "lang": "he"}, "he")
    assert (content.text, content.html) == ("שלום \u2067x\u2069", '<p dir="rtl">שלום \u2067x\u2069</p>')


def test_a_bad_template_harms_no_other(tmp_path: Path) -> None:
    make_note(tmp_path / "bad", "{% if %}")
    renderer = Renderer(TemplateLibrary([tmp_path / "bad"]))
    (tmp_path / "bad" / "note" / "meta.json").write_text(json.dumps({"sensitve": []}))
    with pytest.raises(TemplateError):
        renderer.render("note", {})
    assert renderer.render("welcome", {"name": "Zoë"}).subject == "Welcome, Zoë"
