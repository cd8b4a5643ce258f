"""The quick way through a context is the slow one's: the same copy, and no error of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum, StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.context import MAX_DEPTH, _checked, checked_context
from notifier.errors import InvalidContext


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


_TEXT = st.one_of(st.text(max_size=5), st.sampled_from(["\ud800", "a\udfff"]))
_SCALAR = st.one_of(
    _TEXT, st.integers(), st.floats(), st.booleans(), st.none(), st.sampled_from([Colour.RED, Number.ONE, b"x"])
)
_KEYS = st.one_of(_TEXT, st.sampled_from([1, None, Colour.RED]))
_VALUES = st.recursive(
    _SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(_KEYS, inner, max_size=3),
        st.dictionaries(_KEYS, inner, max_size=2).map(MappingProxyType),
    ),
    max_leaves=8,
)


def found_by(way: Callable[[dict[str, Any]], Any], context: dict[str, Any]) -> str:
    """The copy, or the error."""
    try:
        return json.dumps(way(context))
    except InvalidContext as refusal:
        return str(refusal)


@given(st.dictionaries(st.text(max_size=3), _VALUES, max_size=4))
def test_the_quick_way_finds_what_the_slow_one_finds(context: dict[str, Any]) -> None:
    slowly = partial(_checked, place="context", depth=0)
    assert found_by(checked_context, context) == found_by(slowly, context)


@given(st.dictionaries(st.text(max_size=3), _VALUES, max_size=4))
def test_a_copy_is_made_of_plain_things_alone(context: dict[str, Any]) -> None:
    with suppress(InvalidContext):
        assert types_in(checked_context(context)) <= {dict, list, str, int, float, bool, type(None)}


def types_in(value: object) -> set[type]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {type(value)}.union(*map(types_in, inner))


def test_a_copy_is_no_part_of_what_was_given() -> None:
    given_context = {"a": [{"b": 1}]}
    copy = checked_context(given_context)
    copy["a"][0]["b"] = 2
    assert given_context == {"a": [{"b": 1}]}


@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1])
def test_it_may_be_as_deep_as_it_might_before(levels: int) -> None:
    value: object = "leaf"
    for _ in range(levels - 1):
        value = [value]
    if levels <= MAX_DEPTH:
        assert checked_context({"a": value}) == {"a": value}
    else:
        with pytest.raises(InvalidContext, match="nested deeper"):
            checked_context({"a": value})


def test_one_that_contains_itself_is_told_of() -> None:
    context: dict[str, object] = {}
    context["me"] = context
    with pytest.raises(InvalidContext, match="contains itself"):
        checked_context(context)
