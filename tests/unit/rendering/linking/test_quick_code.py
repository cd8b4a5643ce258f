"""The shorter ways of linked code print what Jinja2's own code prints, whatever a mail brings."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment, StrictUndefined, Template, Undefined
from jinja2.compiler import CodeGenerator
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from notifier.rendering import TemplateLibrary
from notifier.rendering.environment import make_environment
from notifier.rendering.inlined_source import NotAtLoad
from notifier.rendering.linking.quick_code import QuickCode, quick
from notifier.rendering.markup_guard import guarded
from notifier.rendering.printing import escaped
from notifier.rendering.shared_code import SharedCode

pytestmark = pytest.mark.unit
OURS = make_environment(TemplateLibrary())
GUARDED = guarded(OURS, OURS.loader)  # type: ignore[arg-type]


class Word(str):
    __slots__ = ()

    def split(self, *_: Any, **__: Any) -> list[str]:  # type: ignore[override]
        return ["of its own"]


class Named(dict[str, Any]):
    """An attribute of a mapping of one's own is not its key."""

    name = "its attribute"


class Odd:
    name, items, last = "a name", (1, 2), "the last"
    _private = "private"

    def split(self, *_: object) -> list[str]:
        return ["by an object"]

    def __html__(self) -> str:
        return "<b>html</b>"


TEXTS = ["", "a b", "Zoë & <b>", "'", '"', ">", "one\ntwo", Markup("<i>a b</i>"), Word("a b"), Word("<")]
VALUES: list[Any] = [
    *TEXTS, 0, 7, True, None, 1.5, [], [1, "<"], {}, {"name": "<k>"}, {"items": 1, "last": 2, "split": 3}, {"_private": 4},
    Named(name="its key"), UserDict(name="other"), Odd(), Undefined(name="x"), StrictUndefined(name="x"), b"octets",
]  # fmt: skip
PAGES = [
    "{{ x }}", "a{{ x }}b{{ x }}", "{% set y %}{{ x }}!{% endset %}{{ y }}", "{{ x.name }}", "{{ x._private }}", "{{ x.items }}",
    "{{ x.__class__ }}", "{{ x.format is callable }}", "{{ x.split() }}", "{{ x.split(' ')[0] }}", "{{ x.split(sep=' ') }}", "{{ x.upper() }}",
    "{{ (x | string).splitlines() }}", "{{ x.startswith('a') }}", "{{ x.format('a') }}", "{{ x.split(y) }}", "{{ x.last }}",
    "{{ x is defined }}", "{{ nobody is defined }}", "{{ x.name is defined }}", "{{ x | default('<none>') }}",
    "{{ nobody | default('<none>') }}", "{{ nobody | default(nothing) }}", "{{ nobody | d(5) }}", "{{ x | default('e', true) }}",
    "{{ nobody.name }}", "{{ nobody }}", "{{ x.name.items }}{{ x.name.first }}", "{{ {'name': x}.name.name }}", "{{ x[0].name.name }}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(x, 2, b=3) }}{{ m(*x) }}", "{{ x() }}", "{{ x(1, a=2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{% for y in [1, 2] %}{{ m(y) ~ x }}{{ x(y) }}{% endfor %}", "{{ m(x) }}", "{% for y in x %}{{ y }}{{ loop.last }}{{ loop.index }}{{ loop.previtem }}{% endfor %}",
    "{% for y in x %}{{ loop.nothing }}{{ loop.__init__ }}{% endfor %}", "{% for y in x if y is defined %}{{ y.name }}{% endfor %}",
    "{% for y in [x] %}{{ y.name }}{{ y.split('a') }}{% endfor %}", "{% macro m(a) %}{{ a }}{{ a.upper() }}{% endmacro %}{{ m(x) }}",
    "{% macro m() %}{{ caller(1).split() }}{% endmacro %}{% call(a) m() %}{{ x }}{% endcall %}", "{% filter upper %}{{ x }}{% endfilter %}",
    "{% autoescape false %}a{{ x }}{% endautoescape %}", "{{ loop.last }}", "{% set my_loop = x %}{{ my_loop.last }}", "",
]  # fmt: skip


def template(environment: Environment, kind: type[CodeGenerator], source: str, name: str = "page.html.j2") -> Template:
    made = environment.overlay()
    made.code_generator_class = kind
    return Template.from_code(made, made.compile(source, name, name), made.make_globals(None))


def outcome(of: Template, **names: Any) -> str:
    try:
        return "".join(of.root_render_func(of.new_context(names)))
    except Exception as error:  # noqa: BLE001 - whatever the plain code raises
        return f"{type(error).__name__}: {error}"


def assert_same(environment: Environment, source: str, name: str, values: list[Any]) -> None:
    plain, quick = (template(environment, kind, source, name) for kind in (CodeGenerator, QuickCode))
    for value in values:
        assert outcome(quick, x=value) == outcome(plain, x=value), (source, value)


@pytest.mark.long
@pytest.mark.parametrize("name", ["page.html.j2", "page.txt.j2"])
@pytest.mark.parametrize("source", PAGES)
def test_quick_code_prints_what_plain_code_prints(source: str, name: str) -> None:
    assert_same(OURS, source, name, VALUES)
    assert_same(ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True), source, name, VALUES)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "items", "last", "split", "x"]), inner),
    max_leaves=6,
)  # fmt: skip
_TEMPLATES = [
    tuple(template(OURS, kind, source, name) for kind in (CodeGenerator, QuickCode))
    for source in PAGES
    for name in ("page.html.j2", "page.txt.j2")
]


@given(st.sampled_from(_TEMPLATES), _JSON)
def test_whatever_json_a_mail_brings(both: tuple[Template, Template], value: Any) -> None:
    plain, quick = both
    assert outcome(quick, x=value) == outcome(plain, x=value)


@given(st.text())
def test_text_is_escaped_as_ever(text: str) -> None:
    assert_same(OURS, "{{ x }}", "page.html.j2", [text])
    assert type(escaped(Markup(text))) is str  # noqa: S704 - it is not printed


def test_a_method_of_guarded_markup_is_not_called() -> None:
    with pytest.raises(NotAtLoad):
        list(template(GUARDED, QuickCode, "{{ x.upper() }}").generate(x=Markup("<b>")))
    assert template(GUARDED, QuickCode, "{{ x.upper() }}").render(x="<b>") == "&lt;B&gt;"


def test_filters_and_tests_of_somebody_else_are_theirs() -> None:
    environment = make_environment(TemplateLibrary())
    environment.filters["default"] = lambda value, other: f"{value}, not {other}"
    environment.tests["defined"] = lambda _: "perhaps"
    assert_same(environment, "{{ x | default('y') }}{{ x is defined }}", "page.html.j2", ["a"])
    assert template(environment, QuickCode, "{{ x | default('y') }}").render(x="a") == "a, not y"


def test_all_that_a_statement_prints_is_one_piece() -> None:
    quick = template(OURS, QuickCode, "Dear {{ x }}, {{ x }}{% if x %}!{% endif %}")
    assert list(quick.generate(x="Zoë")) == ["Dear Zoë, Zoë", "!"]


FILES = {
    "words.html.j2": "{% set theme = {'ink': {'text': '<k>'}} %}{% set _own = 1 %}{% macro of(a, b='<') %}{{ a }}{{ b }}{{ caller() if caller }}{% endmacro %}",
    "part.html.j2": "{% import 'words.html.j2' as w %}{{ w.of(x) }}{{ y }}",
    "layout.html.j2": "{% import 'words.html.j2' as w %}{% block content %}{% endblock %}{{ w.theme.ink.text }}",
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(
    "body",
    [
        "{{ w.of(x) }}", "{{ w.of(b=x, a=1) }}", "{{ w.of() }}", "{{ w.of(1, 2, 3) }}", "{{ w._own }}", "{{ w.__name__ }}", "{{ w._body_stream }}",
        "{{ w.nothing }}", "{{ w.nothing is defined }}", "{{ w.theme }}", "{{ w.theme.items() | list }}", "{{ w.theme.ink.text.upper() }}",
        "{{ w.theme.nothing.more }}", "{{ w.theme.__class__ }}", "{{ w.of.name }}{{ w.of.arguments }}", "{{ w.of.__init__ }}", "{{ w }}",
        "{% call w.of(x) %}<b>{{ x }}{% endcall %}", "{% set y = w.of(x) %}{% include 'part.html.j2' %}", "{{ [x] | map('string') | map(attribute='name') | list }}",
        "{% from 'words.html.j2' import of with context %}{{ of(x) ~ x }}", "{{ self.content is callable }}", "{{ super() }}", "{% include 'nowhere.j2' %}",
        "{% autoescape false %}{{ w.of(x) }}{% endautoescape %}", "{{ w.of(x, **{'b': 2}) }}", "{{ w.of(*[x]) }}", "{{ w['of'](x) }}",
    ],
)  # fmt: skip
def test_files_of_quick_code_print_what_those_of_plain_code_print(body: str) -> None:
    page = f"{{% extends 'layout.html.j2' %}}{{% block content %}}{body}{{% endblock %}}"
    plain = OURS.overlay(loader=DictLoader({**FILES, "page.html.j2": page}))
    both = [environment.get_template("page.html.j2") for environment in (quick(plain), plain)]
    for value in VALUES:
        of_quick, of_plain = (outcome(one, x=value) for one in both)
        assert of_quick == of_plain


def test_an_environment_that_does_more_as_it_calls_a_macro_calls_it() -> None:
    class Counting(ImmutableSandboxedEnvironment):
        def call(self, *args: Any, **kwargs: Any) -> Any:
            return f"{super().call(*args, **kwargs)} times"

    assert template(Counting(), QuickCode, "{% macro m() %}3{% endmacro %}{{ m() }}").render() == "3 times"


def test_quick_code_and_plain_code_are_kept_apart() -> None:
    shared = SharedCode()
    plain = make_environment(TemplateLibrary(), shared)
    quickly = quick(plain)
    codes = [one.get_template("welcome/subject.txt.j2").root_render_func.__code__ for one in (plain, quickly)]
    again = make_environment(TemplateLibrary(), shared)
    found = [one.get_template("welcome/subject.txt.j2").root_render_func.__code__ for one in (again, quick(again))]
    assert codes == found
    assert codes[0] != codes[1]
