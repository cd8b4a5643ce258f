"""`Linker`: what a linked template prints is what Jinja2 prints."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import ChainableUndefined, DictLoader, Environment, Template, TemplateSyntaxError
from markupsafe import Markup

from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering.environment import make_environment
from notifier.rendering.linking.linked import Linked
from notifier.rendering.linking.linker import Linker
from notifier.rendering.linking.quick_code import quick

pytestmark = pytest.mark.unit

PAGE = "page/html.html.j2"
RENDERER = Renderer(TemplateLibrary())
CONTEXT = {
    "name": "<Zoë>",
    "items": [{"label": "a&b", "price": 3}, {"label": "c"}],
    "n": 2,
    "safe_html": Markup("<b>x</b>"),
}


def linked(environment: Environment, path: str = PAGE) -> Linked:
    return Linker(environment).link(path)


def both(files: dict[str, str], path: str = PAGE, **context: object) -> tuple[str, str]:
    environment = make_environment(TemplateLibrary()).overlay(loader=DictLoader(files))
    found = linked(environment, path)
    assert found.template is not None, found.why
    names = {**CONTEXT, **context}
    return environment.get_template(path).render(names), found.template.render(names)


def code_of(files: dict[str, str], path: str = PAGE) -> set[str]:
    """The names of Python that the linked code looks up."""
    environment = make_environment(TemplateLibrary()).overlay(loader=DictLoader(files))
    found = linked(environment, path)
    assert found.template is not None, found.why
    return set(found.template.root_render_func.__code__.co_names)


THEME = "{% set ink = '#123' %}{% set text = {'quiet': '#456', 'deep': {'er': '#789'}} %}{% set _own = '#abc' %}"
MACROS = """{% from "theme.j2" import ink, text %}{% import "theme.j2" as theme %}
{% macro start(end) %}{{ 'left' if end == 'right' else 'right' }}{% endmacro %}
{% macro cell(loop, column, words) %}<td align="{{ start('right') if loop.first else 'x' }}" id="{{ column.id | default('none') }}">{{ words }}</td>{% endmacro %}
{% macro row(columns, cells) %}{% for column in columns %}{{ cell(loop, column, cells[loop.index0]) }}{% endfor %}{% endmacro %}
{% macro table(items, head='Item') %}{% set columns = [{'label': head, 'id': 'i'}, {'label': 'Price'}] %}
{% for item in items %}{{ row(columns, [item.label, shout(item.price | default(0))]) }}{% endfor %}{% endmacro %}
{% macro shout(word, times=2) %}{% for letter in (word | string) %}{{ letter }}{% if not loop.last %}-{% endif %}{% endfor %}{{ '!' * times }}{% endmacro %}
{% macro note(words) %}<p style="color:{{ text.quiet }};{{ theme.text.deep.er }};{{ ink }}">{{ words }}</p>{% endmacro %}
{% macro down(n) %}{{ n }}{% if n > 0 %}{{ down(n - 1) }}{% endif %}{% endmacro %}
{% macro many(columns) %}{{ 13 if columns | selectattr('number', 'defined') | list | length <= 2 else 7 }}{% endmacro %}
{% macro boxed(words) %}[{{ caller() if caller else words }}]{% endmacro %}
"""
LAYOUT = """{% import "theme.j2" as theme %}{% import "macros.html.j2" as m %}{% set _text = theme.text %}
<html style="{{ _text.quiet }}">{% block head %}<h1>{{ theme.ink }}</h1>{% endblock %}
{% set held %}{% block held %}held {{ name }}{% endblock %}{% endset %}{{ held }}
{% block content %}nothing{% endblock %}{% include "foot.html.j2" %}</html>"""
FOOT = "{% set name = name ~ '!' %}{{ m.note(name) }}{% if n %}{% from 'macros.html.j2' import shout %}{{ shout(n) }}{% endif %}"
SHARED = {"theme.j2": THEME, "macros.html.j2": MACROS, "layout.html.j2": LAYOUT, "foot.html.j2": FOOT}


def page(body: str) -> dict[str, str]:
    return {**SHARED, PAGE: f'{{% extends "layout.html.j2" %}}{{% block content %}}{body}{{% endblock %}}'}


@pytest.mark.long
@pytest.mark.parametrize(
    "body",
    [
        "{{ m.table(items) }}",
        "{{ m.table(items, head=name) }}",
        "{{ m.row([{'id': 1}, {'id': name}], [name, safe_html]) }}",
        "{{ m.note(m.shout(name, times=n)) }}",
        "{{ m.note(m.shout(name) | upper) }}",
        "{{ m.note('<i>') if n else m.shout(1) }}",
        "{{ m.note('<i>') if missing is defined else m.shout(1) }}",
        "{% set x = m.shout(2) if n == 2 else 7 %}{{ x }}{{ x is string }}",
        "{{ m.down(3) }}",
        "{% call m.boxed('b') %}<c>{{ name }}{% endcall %}",
        "{% for item in items %}{{ loop.index }}{{ m.cell(loop, item, item.label) }}{% else %}none{% endfor %}",
        "{% for a, b in [(1, 2), (3, 4)] %}{{ a }}{{ b }}{{ m.shout(a) }}{% endfor %}",
        "{% for a in [1, 2, 3] %}{{ loop.cycle('odd', 'even') }}{{ loop.previtem is defined }}{% endfor %}",
        "{% for a in [1, 2, 3] if a != 2 %}{{ loop.length }}{{ a }}{% endfor %}",
        "{% for a in [1, 2] %}{% for b in items %}{{ loop.first }}{% endfor %}{{ loop.first }}{% endfor %}",
        "{% for a in [1, 2] %}{% for b in items if loop %}x{% else %}{{ loop.first }}{% endfor %}{% endfor %}",
        "{% for a in [] %}x{% else %}empty{% endfor %}",
        "{% for a in [1, 2] %}{% set y = a %}{{ y }}{% endfor %}{{ y | default('none') }}",
        "{% set y = 1 %}{% for a in [1, 2] %}{{ y }}{% set y = a + y %}{{ y }}{% endfor %}{{ y }}",
        "{% set ns = namespace(total=0) %}{% for item in items %}{% set ns.total = ns.total + 1 %}{% endfor %}{{ ns.total }}",
        "{% with a = n, b = m.shout(n) %}{{ a }}{{ b }}{% endwith %}",
        "{% filter upper %}{{ m.note(name) }}{% endfilter %}",
        "{{ theme.text['quiet'] }}{{ theme.text.keys() | list }}{{ theme._own is defined }}{{ theme.text.nothing | default('d') }}",
        "{% macro own(a) %}{{ a }}{{ name }}{{ theme.ink }}{% endmacro %}{{ own(1) }}{{ own(safe_html) }}",
        "{% set theme = {'ink': 'mine'} %}{{ theme.ink }}",
        "{% for theme in ['a'] %}{{ theme }}{% endfor %}{{ theme.ink }}",
        "{% if theme.ink == '#123' %}yes{% elif n %}maybe{% else %}no{% endif %}{% if false %}x{% endif %}",
        "{% trans %}Hello{% endtrans %}{% trans who=name %}Hello {{ who }}{% endtrans %}{{ _('x') }}",
        "{{ ([1, 2] | map('string') | join(m.shout('-'))) }}",
        "{{ m.many([{'number': true}, {'number': false}, {}]) | int + 1 }}{{ m.many([{}]) | float }}{{ m.many(items) | int }}",
        "{{ m.many([{}]) | int ~ m.many([{}]) ~ '<' }}{% set many = m.many([{}]) %}{{ many | int }}{{ many ~ '<' }}{{ many }}",
        "{{ [{'a': 1}, {}] | selectattr('a', 'defined') | list }}{{ [1, 'a'] | select('string') | list | length }}{{ [0, 1] | reject | list }}",
        "{{ items | selectattr('label', 'defined') | list | length }}{{ ['<', 1] | select('string') | join(name) }}",
        "{{ n and m.shout(1) }}{{ missing is defined and m.shout(missing) }}",
    ],
)  # fmt: skip
def test_a_page_prints_what_jinja_prints(body: str) -> None:
    plain, by_linking = both(page(body))
    assert by_linking == plain


def test_a_text_that_calls_a_macro_of_markup_escapes_what_jinja_escapes() -> None:
    files = {
        **SHARED,
        "page/text.txt.j2": '{% import "macros.html.j2" as m %}{{ m.note(name) }} {{ name }}{% include "foot.html.j2" %}',
    }
    plain, by_linking = both(files, "page/text.txt.j2")
    assert by_linking == plain
    assert "&lt;Zoë&gt;" in plain


def test_markup_that_calls_a_macro_of_text_takes_it_for_markup_as_jinja_does() -> None:
    files = {
        "words.txt.j2": "{% macro say(a) %}<{{ a }}>{% endmacro %}",
        PAGE: '{% from "words.txt.j2" import say %}{{ say(name) }}',
    }
    plain, by_linking = both(files)
    assert by_linking == plain == "<<Zoë>>"


@pytest.mark.parametrize("theme", [{}, {"ink": "the mail's"}])
def test_the_names_of_a_mail_do_not_take_the_place_of_those_that_a_file_sets(theme: dict[str, str]) -> None:
    plain, by_linking = both(
        page("{{ theme.ink }}{{ m.note(1) }}"), theme=theme, text={"quiet": "the mail's"}, m="the mail's"
    )
    assert by_linking == plain
    assert "the mail" not in plain


def test_every_block_of_three_layouts_is_the_last_one_written() -> None:
    files = {
        **SHARED,
        "middle.html.j2": '{% extends "layout.html.j2" %}{% set of_middle = "m" %}'
        "{% block content %}middle {% block inner %}{{ of_middle }}{% endblock %}{% endblock %}",
        PAGE: '{% extends "middle.html.j2" %}{% block inner %}inner {{ of_middle }} {{ theme.ink }}{% endblock %}{% block head %}{% endblock %}',
    }
    plain, by_linking = both(files)
    assert by_linking == plain
    assert "middle inner m #123" in plain


@pytest.mark.parametrize(
    ("why", "body"),
    [
        ("uses super", "{{ super() }}"),
        ("uses self", "{{ self.head() }}"),
        ("depends on the mail", "{% include name %}"),
        ("missing", "{% include 'nowhere.j2' ignore missing %}"),
        ("rule of escaping", "{% autoescape false %}{{ name }}{% endautoescape %}"),
        ("TemplateNotFound", "{% include 'nowhere.j2' %}"),
        ("TemplateSyntaxError", "{% if %}"),
    ],
)
def test_a_page_that_depends_on_more_is_not_linked(why: str, body: str) -> None:
    environment = make_environment(TemplateLibrary()).overlay(loader=DictLoader(page(body)))
    found = linked(environment)
    assert found.template is None
    assert why in found.why


def test_macros_that_call_each_other_without_end_are_called_and_not_written_out() -> None:
    files = {
        "m.html.j2": "{% macro a(n) %}{{ b(n) }}{{ b(n) }}{% endmacro %}{% macro b(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% else %}.{% endif %}{% endmacro %}",
        PAGE: '{% import "m.html.j2" as m %}{{ m.a(n) }}',
    }
    plain, by_linking = both(files)
    assert by_linking == plain == "." * 32


@pytest.mark.parametrize(
    "body",
    [
        "{% for a in [1, 2, 3, 4, 5, 6, 7, 8] %}" * 6 + "{{ a }}" + "{% endfor %}" * 6,
        pytest.param(
            "".join(f"{{% for a{n} in [1, 2, 3, 4, 5, 6, 7, 8] %}}" for n in range(12)) + "x" + "{% endfor %}" * 12,
            marks=pytest.mark.long,
        ),
        pytest.param("{{ m.table(items) }}" * 300, marks=pytest.mark.long),
    ],
)
def test_a_page_that_would_become_too_big_is_not_linked(body: str) -> None:
    environment = make_environment(TemplateLibrary()).overlay(loader=DictLoader(page(body)))
    assert linked(environment).why in {"", "it is too big"}


LAYOUT_OF_ONE = "{% block c %}{% endblock %}"
CYCLE = "{% import 'm.html.j2' as m %}{% set c = cycler('a', 'b', 'c', 'd') %}"
CYCLED = """{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{% macro g(a) %}{{ a }}{% endmacro %}{% macro turn(c) %}{{ c.next() }}{% endmacro %}
{% macro called(c) %}{{ c.next() }}{{ varargs | length }}{% endmacro %}"""


def in_layout(body: str, layout: str = LAYOUT_OF_ONE, **files: str) -> dict[str, str]:
    return {PAGE: "{% extends 'layout.html.j2' %}" + body, "layout.html.j2": layout, **files}


def with_macros(body: str, macros: str) -> dict[str, str]:
    return {PAGE: "{% import 'm.html.j2' as m %}" + body, "m.html.j2": macros}


def including(body: str, included: str) -> dict[str, str]:
    return {PAGE: body, "part.html.j2": included}


@pytest.mark.long
@pytest.mark.parametrize(
    "files",
    [
        # what a file sets, and what it sees, is its own
        in_layout("{% block held %}{{ y | default('none') }}{% endblock %}", "{% set held %}{% set y = 1 %}{% block held %}{% endblock %}{% endset %}{{ held }}"),
        in_layout("{% set x = 'page' %}{% macro own() %}{{ x }}{% endmacro %}{% block c %}{{ own() }}{% endblock %}", "{% set x = 'layout' %}" + LAYOUT_OF_ONE),
        {PAGE: "{% extends 'middle.html.j2' %}{% block foo %}page{% endblock %}",
         "middle.html.j2": "{% extends 'layout.html.j2' %}{% set s %}{% block foo %}middle{% endblock %}{% endset %}{% block c %}{{ s }}{% endblock %}", "layout.html.j2": LAYOUT_OF_ONE},
        in_layout("{% block o %}[{% block i %}{% for a in items %}<{% endfor %}{{ n }}{% endblock %}]{% endblock %}", "{% block o %}{% endblock %}-{% block i %}{% endblock %}"),
        in_layout("{% block c %}{% set v = 1 %}{% block inner %}{{ v | default('none') }}{% endblock %}{% endblock %}"),
        in_layout("{% block c %}{% set v = 1 %}{% block inner %}{% include 'part.html.j2' %}{% endblock %}{% endblock %}", **{"part.html.j2": "{{ v | default('none') }}"}),
        in_layout("{% set v = 1 %}{% block c %}{{ v }}{% endblock %}", "{% set y %}{{ v }}{% endset %}{% block c %}{% endblock %}{% set v = 2 %}"),
        # set late: an included file, a block and a macro ask the context
        including("{% include 'part.html.j2' %}{% set name = 1 %}", "{% for a in items %}{{ name | default('none') }}{% endfor %}"),
        including("{% for i in items %}{% include 'part.html.j2' %}{% set name = i %}{% endfor %}", "{% macro q() %}{{ name | default('none') }}{% endmacro %}{{ q() }}"),
        in_layout("{% block c %}{% for a in items %}{{ name | default('none') }}{% endfor %}{% endblock %}", LAYOUT_OF_ONE + "{% set name = 1 %}"),
        with_macros("{{ m.f(name) | upper }}{% set name = 1 %}", "{% macro f(a) %}{% for i in a %}{{ a | default('none') }}{% endfor %}{% endmacro %}"),
        with_macros("{% set name = m.f(name) %}{{ name }}", "{% macro f(a) %}{{ a | default('none') }}{% endmacro %}"),
        in_layout("{% import 't.j2' as t %}{% block c %}{% for i in [1, n] %}{% macro q() %}{{ t.v | default('none') if t is defined }}{% endmacro %}{{ q() }}{% import 't.j2' as t %}{% endfor %}{% endblock %}", **{"t.j2": "{% set v = 1 %}"}),
        # names that are read without being written in the tree
        with_macros("{% set color = 'red' %}{% import 'seeing.html.j2' as s with context %}{{ s.show() }}", "") | {"seeing.html.j2": "{% macro show() %}{{ color | default('none') }}{% endmacro %}"},
        including("{% for a in [1, 2] %}{% macro f() %}{% include 'part.html.j2' %}{% endmacro %}{{ f() }}{% endfor %}", "{{ a | default('none') }}"),
        # loops
        including("{% for i in items %}{% include 'part.html.j2' %}{% endfor %}", "{{ loop is defined }}"),
        including("{% for i in items %}{{ loop.index }}{% for j in [1, 2] %}{% include 'part.html.j2' %}{% endfor %}{% endfor %}", "{{ loop.index }}"),
        {PAGE: "{% for i in items[:0] %}{% set q = 1 %}{% else %}{{ q | default('none') }}{% endfor %}"},
        {PAGE: "{% for a in [1, 2] %}{% set loop = 3 %}{{ a }}{% endfor %}"},
        # values
        with_macros("{{ 'a<' ~ m.s }}", "{% set s %}<b>x</b>{% endset %}"),
        with_macros("{% from 'm.html.j2' import s %}{{ s }}{{ m.s }}{{ m.l | join('<') }}{{ [s, '<'] }}{{ m.f(s) }}", "{% set s %}<b>x</b>{% endset %}{% set l = [s, '<'] %}{% macro f(a) %}{{ a }}{{ '<' ~ a }}{{ s ~ '<' }}{{ l[0] ~ '<' }}{% endmacro %}"),
        {PAGE: "{% set s = '<b>' | safe %}{{ 'a<' ~ s }}"},
        with_macros("{{ m.f([1, 2]) }}", "{% macro f(a) %}{{ a is sameas(a) }}{% endmacro %}"),
        with_macros("{% set a__0 = 'page' %}{% set printed__1 = 'page' %}{{ m.f(name) ~ printed__1 ~ a__0 }}", "{% macro f(a) %}{{ a }}{% endmacro %}"),
        with_macros("{% set a__linked_0 = 'page' %}{% set printed__linked_1 = 'page' %}{{ m.f(name) ~ printed__linked_1 ~ a__linked_0 }}", "{% macro f(a) %}{{ a }}{% endmacro %}"),
        with_macros("{% set g = items | map(attribute='label') %}{{ (g | first) ~ m.f(g | first) }}", "{% macro f(a) %}{{ a }}{% endmacro %}"),
        # what raises
        {PAGE: "{% set t, u = 1, 2, 3 %}{{ t }}"},
        in_layout("{% block c %}1{% endblock %}{% block c %}2{% endblock %}"),
        # in which order calls are made
        *(
            {PAGE: CYCLE + body, "m.html.j2": CYCLED}
            for body in (
                "{{ c.next() ~ m.f(c.next()) }}",
                "{{ m.f(b=c.next(), a=c.next()) }}",
                "{{ m.f([c.next()][0], [m.turn(c)][0]) }}",
                "{{ m.f(c.next(), m.g(c.next())) }}",
                "{{ m.called(c) ~ m.g(c.next()) }}",
                "{{ m.f(m.called(c), m.turn(c)) }}",
                "{{ (m.turn(c) if n else '') ~ m.turn(c) }}",
                "{{ (1 > 2 > m.turn(c)) ~ m.turn(c) }}",
                "{{ m.f(b=m.turn(c), a=m.turn(c)) }}",
            )
        ),
    ],
    ids=lambda files: files[PAGE][:60],
)  # fmt: skip
def test_a_page_that_jinja_alone_can_print_is_not_printed_otherwise(files: dict[str, str]) -> None:
    environment = make_environment(TemplateLibrary()).overlay(loader=DictLoader(files))
    found = linked(environment)
    if found.template is not None:
        assert outcome(found.template) == outcome_of(environment)


def outcome_of(environment: Environment) -> str:
    try:
        return outcome(environment.get_template(PAGE))
    except TemplateSyntaxError:  # only Jinja2's compiler finds it
        return RAISES


def test_what_an_imported_file_reads_while_it_runs_is_among_the_files_that_are_watched() -> None:
    files = {
        PAGE: '{% import "words.html.j2" as words %}{{ words.hello }}',
        "words.html.j2": "{% if true %}{% from 'deep.html.j2' import hello %}{% endif %}",
        "deep.html.j2": "{% set hello = 'old' %}",
    }
    linker = Linker(make_environment(TemplateLibrary()).overlay(loader=DictLoader(files)), uses=0)
    assert linker.template(PAGE) is not None
    files["deep.html.j2"] = "{% set hello = 'new' %}"
    template = linker.template(PAGE)
    assert template is not None
    assert template.render() == "new"


def test_a_file_that_is_linked_while_its_change_is_not_yet_looked_at_is_linked_as_it_is_now(tmp_path: Path) -> None:
    for name, text in {
        "page.html.j2": "{% import '_words.j2' as w %}{{ w.hello }}",
        "_words.j2": "{% set hello = 'old' %}",
    }.items():
        (tmp_path / name).write_text(text)  # fmt: skip
    environment = make_environment(TemplateLibrary([tmp_path], look_every=3600.0))
    for _ in range(2):  # the second time it is looked at whether it has changed
        assert environment.get_template("page.html.j2").render() == "old"
    (tmp_path / "_words.j2").write_text("{% set hello = 'new' %}")
    found = linked(environment, "page.html.j2")
    assert found.template is not None
    assert found.template.render() == "new"


def test_what_an_imported_file_says_in_the_language_of_a_mail_is_no_constant() -> None:
    page = with_macros("{{ m.hello }}", "{% set hello = _('Hello') %}")
    assert linked(make_environment(TemplateLibrary()).overlay(loader=DictLoader(page))).template is None


def test_a_linked_page_imports_nothing_and_calls_no_macro() -> None:
    assert {"get_template", "call"}.isdisjoint(code_of(page("{{ m.note(name) }}{{ m.shout('a') }}")))


def test_what_a_test_picks_of_known_items_is_known_and_so_is_a_number_that_a_macro_prints() -> None:
    known = page("{% set columns = [{'number': 1}, {}] %}{% if m.many(columns) | int > 7 %}{{ name }}{% endif %}")
    assert both(known)[0] == both(known)[1]
    assert code_of(known) == code_of(page("{{ name }}"))


def test_what_gives_names_that_nothing_reads_any_more_is_left_out() -> None:
    read = with_macros(
        "{{ m.cell(name) }}", "{% macro cell(words) %}{% set a, b = 1, 2 %}<td>{{ words }}{% endmacro %}"
    )
    assert both(read)[0] == both(read)[1]
    assert code_of(read) == code_of({PAGE: "<td>{{ name }}"})


@pytest.mark.parametrize(
    "body",
    [
        "{% set a, b = 1, 2, 3 %}x",
        "{% set a = 1 %}{% macro own() %}{{ a }}{% endmacro %}{{ own() }}{{ own | string is string }}",
        "{% with a = items[9].label %}x{% endwith %}",
        "{% with a = n, b = missing %}x{% endwith %}",
        "{% set ns = namespace(v=1) %}{% set ns.v = 2 %}{{ ns.v }}",
        "{% set a = 1 %}{% if n %}{% set a = 2 %}{% endif %}{{ a }}",
        "{% for a in [1, 2] %}{% set b = 3 %}{{ loop.index }}{% endfor %}",
    ],
)
def test_what_could_raise_or_is_read_stays(body: str) -> None:
    environment = make_environment(TemplateLibrary()).overlay(loader=DictLoader({PAGE: body}))
    found = linked(environment)
    assert found.template is not None, found.why
    assert outcome(found.template) == outcome(environment.get_template(PAGE))


def test_a_test_of_somebody_elses_is_asked_for_each_mail() -> None:
    environment = make_environment(TemplateLibrary()).overlay(
        loader=DictLoader({PAGE: "{{ [1, 2] | select('odd') | list }}"})
    )
    answers = iter([True, False, False, True])
    environment.tests = {**environment.tests, "odd": lambda _: next(answers)}
    found = linked(environment)
    assert found.template is not None
    assert (found.template.render(), found.template.render()) == ("[1]", "[2]")


def test_markup_of_an_imported_file_that_is_printed_as_it_is_is_a_constant() -> None:
    files = with_macros("{{ m.s }}", "{% set s %}<b>x</b>{% endset %}")
    assert both(files) == ("<b>x</b>", "<b>x</b>")
    assert "get_template" not in code_of(files)


def test_a_file_that_changes_is_linked_anew(tmp_path: Path) -> None:
    files = page("{{ theme.ink }}")
    loader = DictLoader(files)
    linker = Linker(make_environment(TemplateLibrary()).overlay(loader=loader), uses=0)
    first = linker.template(PAGE)
    files["theme.j2"] = THEME.replace("#123", "#321")
    second = linker.template(PAGE)
    assert isinstance(first, Template)
    assert isinstance(second, Template)
    assert "#123" in first.render(CONTEXT)
    assert "#321" in second.render(CONTEXT)
    assert "#123" not in second.render(CONTEXT)


def test_a_template_is_linked_when_it_was_used_often_enough() -> None:
    linker = Linker(make_environment(TemplateLibrary()).overlay(loader=DictLoader({PAGE: "{{ name }}"})), uses=2)
    assert [linker.template(PAGE) is not None for _ in range(4)] == [False, False, True, True]


def test_a_template_that_was_given_up_is_linked_no_more() -> None:
    linker = Linker(make_environment(TemplateLibrary()).overlay(loader=DictLoader({PAGE: "{{ name }}"})), uses=0)
    assert linker.template(PAGE) is not None
    linker.give_up(PAGE, "it was wrong")
    assert linker.template(PAGE) is None


SHIPPED = [
    (name, path)
    for name in TemplateLibrary().names()
    for path in TemplateLibrary().files(name)
    if re.search(r"/(html\.html|text\.txt|subject\.txt)\.j2$", path)
]


@pytest.fixture(scope="module")
def shipped() -> Environment:
    """The layouts and macros are compiled once in it."""
    return make_environment(TemplateLibrary())


@pytest.fixture(scope="module")
def quickly(shipped: Environment) -> Environment:
    """Likewise, by quick code."""
    return quick(shipped)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        # The invoice has every kind of block; in another language a page has other words at the same places.
        pytest.param(name, path, id=path, marks=[] if path.startswith("invoice/html") else [pytest.mark.long])
        for name, path in SHIPPED
    ],
)
def test_a_shipped_template_prints_what_jinja_prints(
    shipped: Environment, quickly: Environment, name: str, path: str
) -> None:
    found = linked(shipped, path)
    assert found.template is not None, found.why
    more = {
        "lang": "de",
        "company_address": "A <1>\nB",
        "support_url": "https://s.example",
        "unsubscribe_url": "https://u.example/?a&b",
    }
    for context, extra in product(RENDERER.sample_contexts(name).values(), ({}, more)):
        names = {**context, **extra, "inline_image": lambda file: f"cid:{file}"}
        of_jinja = shipped.get_template(path).render(names)
        assert found.template.render(names) == of_jinja
        assert quickly.get_template(path).render(names) == of_jinja


EXPRESSIONS = st.recursive(
    st.sampled_from(
        ["name", "n", "items", "theme.ink", "theme.text.quiet", "theme.text", "theme.drawn", "'<i>'", "3", "[1, 2]", "safe_html", "missing", "x", "y", "m",
         "items[0].label", "{'id': n}", "loop.first", "turns.next()", "ns.v", "_('<t>')"]
    ),
    lambda inner: st.one_of(
        st.builds("({} ~ {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or", "=="]), inner),
        st.builds("({} | {})".format, inner, st.sampled_from(
            ["default('d')", "string", "e", "safe", "join('<')", "first", "int", "float", "length", "list", "select('string') | list",
             "reject | list", "selectattr('id', 'defined') | list", "rejectattr('id') | list | length", "selectattr('id', '==', 1) | list"]
        )),
        st.builds("({}).{}".format, inner, st.sampled_from(["upper()", "split('a')", "split(x)", "label", "first"])),
        st.builds("({} is {})".format, inner, st.sampled_from(["defined", "string", "escaped", "mapping", "callable"])),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("m.{}({})".format, st.sampled_from(["start", "shout", "note", "boxed", "kept"]), inner),
        st.builds("m.pair({}, {})".format, inner, inner),
        st.builds("m.pair(b={}, a={})".format, inner, inner),
        st.builds("m.cell(loop, {}, {})".format, inner, inner),
        st.builds("m.row([{}], [{}])".format, inner, inner),
        st.builds("own({})".format, inner),
    ),
    max_leaves=5,
)  # fmt: skip
SETS = st.builds("{{% set {} = {} %}}".format, st.sampled_from(["x", "y", "ns.v"]), EXPRESSIONS)
IMPORTS = st.sampled_from(
    ["{% import 'macros.html.j2' as m %}", "{% import 'theme.j2' as theme %}", "{% from 'macros.html.j2' import note as own %}",
     "{% from 'theme.j2' import ink as x %}"]
)  # fmt: skip
INCLUDES = st.sampled_from(["{% include 'part.html.j2' %}", "{% include 'part.txt.j2' %}"])
STATEMENTS = st.recursive(
    st.one_of(SETS, st.builds("{{{{ {} }}}}".format, EXPRESSIONS), IMPORTS, INCLUDES, st.just("<p>")),
    lambda inner: st.one_of(
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, EXPRESSIONS, inner, inner),
        st.builds("{{% for {} in {} %}}{}{{% else %}}{}{{% endfor %}}".format, st.sampled_from("xyz"), st.sampled_from(["items", "[1, 2]", "[{'id': 1}]", "items[:0]"]), inner, inner),
        st.builds("{{% with x = {} %}}{}{{% endwith %}}".format, EXPRESSIONS, inner),
        st.builds("{{% set y %}}{}{{% endset %}}".format, inner),
        st.builds("{{% macro own(y) %}}{}{{% endmacro %}}{{{{ own({}) }}}}".format, inner, EXPRESSIONS),
        st.builds("{{% call m.boxed({}) %}}{}{{% endcall %}}".format, EXPRESSIONS, inner),
        st.builds("{{% filter upper %}}{}{{% endfilter %}}".format, inner),
        st.lists(inner, min_size=1, max_size=4).map("".join),
    ),
    max_leaves=6,
)  # fmt: skip
OF_A_LAYOUT = st.sampled_from(
    ["", "{% set x = 'l' %}", "{% set y %}{{ x }}{% endset %}", "{% macro own(a) %}{{ a }}{{ x }}{% endmacro %}",
     "{% import 'theme.j2' as theme %}", "{% if n %}{% set x = 1 %}{% endif %}", "{{ x | default('u') }}"]
)  # fmt: skip
MORE_MACROS = (
    "{% macro pair(a, b) %}{{ a }}[{{ b }}]{{ theme.ink ~ a }}{% endmacro %}"
    "{% macro kept(a) %}{% set q = a %}{% if a %}{% set w = 1 %}{% endif %}{{ q }}{{ w | default('no') }}{% set a = 'z' %}{{ a }}{% endmacro %}"
)


@st.composite
def generated_files(draw: st.DrawFn) -> dict[str, str]:
    """A page with a layout, blocks in blocks, and what they include."""
    part, layout, rest = (
        st.one_of(SETS, st.builds("{{{{ {} }}}}".format, EXPRESSIONS), IMPORTS),
        OF_A_LAYOUT,
        STATEMENTS,
    )
    first = "{% import 'macros.html.j2' as m %}{% import 'theme.j2' as theme %}{% set turns = cycler('a', 'b', 'c') %}{% set ns = namespace(v=1) %}"
    before = draw(st.sampled_from(["", "{% set x = 'p' %}", "{% macro own(a) %}{{ a }}{{ x }}{% endmacro %}"]))
    inner = f"{{% block inner %}}{draw(rest)}{{% endblock %}}"
    return {
        "theme.j2": THEME + "{% set drawn %}<b>d</b>{% endset %}",
        "macros.html.j2": MACROS + MORE_MACROS,
        "part.html.j2": draw(part) + draw(part),
        "part.txt.j2": draw(part),
        "layout.html.j2": f"{draw(layout)}{{% block content %}}{{% endblock %}}{draw(layout)}{{% block inner %}}{{% endblock %}}{draw(layout)}",
        PAGE: f'{{% extends "layout.html.j2" %}}{first}{before}{{% block content %}}{draw(rest)}{draw(st.sampled_from(["", inner]))}{{% endblock %}}',
    }  # fmt: skip


RAISES = "raises"


def outcome(template: Template) -> str:
    try:
        return template.render(CONTEXT)
    except Exception:  # noqa: BLE001 - whatever it is
        return RAISES


@pytest.mark.long
@given(generated_files())
def test_whatever_a_page_is_made_of_it_prints_what_jinja_prints(files: dict[str, str]) -> None:
    # Undefined names print nothing here, or most pages would only raise.
    environment = make_environment(TemplateLibrary()).overlay(loader=DictLoader(files), undefined=ChainableUndefined)
    found = linked(environment)
    if found.template is not None:
        assert outcome(found.template) in {
            outcome_of(environment),
            RAISES,
        }  # where it raises, the plain one is rendered


@pytest.mark.long
@given(generated_files())
def test_whatever_a_page_is_made_of_its_quick_code_prints_what_jinja_prints(files: dict[str, str]) -> None:
    environment = make_environment(TemplateLibrary()).overlay(loader=DictLoader(files), undefined=ChainableUndefined)
    assert outcome_of(quick(environment)) == outcome_of(environment)
