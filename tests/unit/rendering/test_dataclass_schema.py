from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.rendering.dataclass_schema import dataclass_schema
from notifier.rendering.mismatch import BadSchema, Mismatch


@dataclass
class Line:
    name: str
    price: float
    quantity: int = 1


@dataclass
class Order:
    number: str
    lines: list[Line]
    note: str | None = None
    paid: bool = False
    state: Literal["new", "old"] = "new"
    extra: dict[str, int] = field(default_factory=dict)
    code: int | str = 0
    anything: Any = None
    made: str = field(init=False, default="")


@dataclass
class Tree:
    name: str
    branches: Sequence[Tree] = ()


GOOD: Mapping[str, Any] = {"number": "1", "lines": [{"name": "a", "price": 1}]}
CHECK = dataclass_schema(Order)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"note": None},
        {"note": "x", "paid": True, "state": "old", "extra": {"a": 1}},
        {"code": "x"},
        {"anything": [{}]},
        {"lines": []},
    ],
)
def test_what_fits_passes_and_stays_as_it_is(change: Mapping[str, Any]) -> None:
    context = deepcopy({**GOOD, **change})
    CHECK(context)
    assert context == {**GOOD, **change}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"number": 1}, "context.number is to be text"),
        ({"nmber": "1"}, "context.nmber is not in the schema; did you mean 'number'?"),
        ({"made": "x"}, "context.made is not in the schema; known: number, lines"),
        ({"lines": {}}, "context.lines is to be a list"),
        ({"lines": "ab"}, "context.lines is to be a list"),
        ({"lines": [{"name": "a"}]}, "context.lines[0].price is missing"),
        ({"lines": [{"name": "a", "price": "1"}]}, "context.lines[0].price is to be a float"),
        ({"lines": [{"name": "a", "price": 1, "quantity": True}]}, "context.lines[0].quantity is to be an int"),
        ({"lines": [{"name": "a", "price": 1, "quantity": 1.0}]}, "context.lines[0].quantity is to be an int"),
        ({"lines": [7]}, "context.lines[0] is to be a mapping with name, price, quantity"),
        ({"note": 7}, "context.note is to be text"),
        ({"paid": 1}, "context.paid is to be a bool"),
        ({"state": "odd"}, "context.state is to be one of 'new', 'old'"),
        ({"extra": {"a": "b"}}, "context.extra.a is to be an int"),
        ({"extra": []}, "context.extra is to be a mapping"),
        ({"code": 1.5}, "context.code is to be an int, or context.code is to be text"),
    ],
)
def test_what_does_not_fit_is_told_by_its_place(change: Mapping[str, Any], told: str) -> None:
    with pytest.raises(Mismatch) as error:
        CHECK({**GOOD, **change})
    assert str(error.value).startswith(told)


def test_what_is_missing_is_told() -> None:
    with pytest.raises(Mismatch, match=r"context\.number is missing"):
        CHECK({"lines": []})


def test_a_dataclass_may_hold_itself() -> None:
    check = dataclass_schema(Tree)
    check({"name": "a", "branches": [{"name": "b", "branches": []}]})
    with pytest.raises(Mismatch, match=r"context\.branches\[0\]\.branches\[0\]\.name is missing"):
        check({"name": "a", "branches": [{"name": "b", "branches": [{}]}]})


@dataclass
class Dated:
    day: date


@dataclass
class Pair:
    both: tuple[int, int]


@dataclass
class Lost:
    what: Missing  # type: ignore[name-defined]  # noqa: F821 - that is the test


@dataclass
class Torn:
    lines: "list[int"  # noqa: F722 - it is no type, which is what is told


@pytest.mark.parametrize("kind", [Dated, Pair, Lost, Torn])
def test_a_type_that_json_does_not_know_is_refused(kind: type) -> None:
    with pytest.raises(BadSchema, match="type"):
        dataclass_schema(kind)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["number", "lines", "note", "extra", "x"]), JSON))
def test_any_context_fits_or_is_told(context: dict[str, Any]) -> None:
    try:
        CHECK(context)
    except Mismatch:
        return
    assert {"number", "lines"} <= context.keys() <= {"number", "lines", "note", "extra"}
