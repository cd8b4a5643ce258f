"""A name of a mapping is found as Jinja2 finds it, whatever it is called."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.rendering.sandbox import Sandbox

OURS, THEIRS = (kind(undefined=StrictUndefined) for kind in (Sandbox, ImmutableSandboxedEnvironment))
_NAMES = st.one_of(st.sampled_from([*dir(dict), "__globals__", "mro", "name", "0"]), st.text(max_size=4))


def found(environment: ImmutableSandboxedEnvironment, obj: object, name: str) -> str:
    value = environment.getattr(obj, name)
    if isinstance(value, Undefined):
        return f"undefined {type(value).__name__} {value._undefined_name} {value._undefined_exception}"
    return repr(value)


@given(st.dictionaries(_NAMES, st.integers(), max_size=4), _NAMES)
def test_what_is_in_a_mapping_or_not(obj: dict[str, int], name: str) -> None:
    assert found(OURS, obj, name) == found(THEIRS, obj, name)


@pytest.mark.parametrize("obj", [UserDict(name=1), "text", 1, [1], None, type("Special", (dict,), {"name": 2})(name=1)])
@pytest.mark.parametrize("name", ["name", "items", "__class__", "upper", "other"])
def test_what_is_no_plain_mapping(obj: Any, name: str) -> None:
    assert found(OURS, obj, name) == found(THEIRS, obj, name)


@pytest.mark.parametrize("name", ["clear", "update", "__class__", "pop"])
def test_what_the_sandbox_keeps_from_templates_it_keeps(name: str) -> None:
    with pytest.raises(Exception, match=r"unsafe|not safely callable"):
        OURS.from_string("{{ obj." + name + "() }}").render(obj={"a": 1})


def test_a_template_has_the_environments_names_those_that_came_later_too() -> None:
    environment = Sandbox(undefined=StrictUndefined)
    template = environment.from_string("{{ house }} {{ name }}")
    environment.globals["house"] = "Papierhaus"
    assert template.render(name="Zoë") == "Papierhaus Zoë"


def test_the_names_of_one_template_are_no_other_ones() -> None:
    environment = Sandbox(undefined=StrictUndefined)
    own = environment.from_string("{{ house }}", globals={"house": "Papierhaus"})
    with pytest.raises(AttributeError):
        environment.from_string("").globals.update(house="Papierhaus")
    assert own.render() == "Papierhaus"
    assert "house" not in environment.globals
