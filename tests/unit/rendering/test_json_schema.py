from __future__ import annotations

import sys
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from notifier.rendering.json_schema import MAX_SHOWN, json_schema
from notifier.rendering.mismatch import BadSchema, Mismatch

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": ["integer", "null"], "minimum": 0},
        "state": {"enum": ["new", "old"]},
        "due": {"format": "date"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        "never": False,
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    },
    "$defs": {"item": {"type": "object", "required": ["price"], "properties": {"price": {"type": "number"}}}},
}


def test_what_fits_passes_and_stays_as_it_is() -> None:
    fits = {"name": "a", "age": None, "state": "old", "due": "2026-11-28", "items": [{"price": 1.5}]}
    context = deepcopy(fits)
    json_schema(SCHEMA)(context)
    assert context == fits


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ({}, "context.name is missing"),
        ({"name": 1}, "context.name is to be of type string"),
        ({"name": "a", "age": "7"}, "context.age is to be of type integer or null"),
        ({"name": "a", "nmae": 1}, "context.nmae is not in the schema; did you mean 'name'?"),
        ({"name": "a", "zzzzzz": 1}, "context.zzzzzz is not in the schema"),
        ({"name": "a", "state": "odd"}, 'context.state is to be one of ["new", "old"]'),
        ({"name": "a", "due": "tomorrow"}, "context.due is to have the format date"),
        ({"name": "a", "items": [{"price": 1}, {}]}, "context.items[1].price is missing"),
        ({"name": "a", "never": 1}, "context holds what the schema never allows"),
        ({"name": "a", "age": -1}, "context.age does not fit minimum: 0"),
    ],
)
def test_what_does_not_fit_is_told_by_its_place(context: Mapping[str, Any], told: str) -> None:
    with pytest.raises(Mismatch) as error:
        json_schema(SCHEMA)(context)
    assert str(error.value) == told


@pytest.mark.parametrize(
    "context",
    [{"name": "hunter2" * 9}, {"name": ["hunter2"]}, {"name": "a", "state": "hunter2"}, {"name": "a", "due": "hunter2"},
     {"name": "a", "items": "hunter2"}, {"name": "a", "either": ["hunter2"]}],
)  # fmt: skip
def test_no_value_is_told(context: Mapping[str, Any]) -> None:
    with pytest.raises(Mismatch) as error:
        json_schema(SCHEMA)(context)
    assert "hunter2" not in f"{error.value!r}{error.value.__cause__!r}"


def test_a_long_list_of_what_may_be_is_cut() -> None:
    with pytest.raises(Mismatch) as error:
        json_schema({"properties": {"a": {"enum": list(range(1000))}}})({"a": -1})
    assert len(str(error.value)) < MAX_SHOWN + 50


@pytest.mark.parametrize("schema", [{"type": "strin"}, {"required": "name"}, {"properties": {"a": 1}}])
def test_a_schema_that_is_none_is_refused(schema: Mapping[str, Any]) -> None:
    with pytest.raises(BadSchema, match="is no JSON Schema"):
        json_schema(schema)


@pytest.mark.parametrize("ref", ["https://schemas.example/a.json", "file:///etc/passwd", "#/nowhere"])
def test_what_a_schema_refers_to_is_not_fetched(ref: str) -> None:
    with pytest.raises(BadSchema, match="nothing is fetched"):
        json_schema({"$ref": ref})({})


def test_a_key_that_a_pattern_allows_is_not_blamed_for_another() -> None:
    with pytest.raises(Mismatch, match=r"^context\.other is not in the schema$"):
        json_schema({"patternProperties": {"^x-": {}}, "additionalProperties": False})({"x-a": 1, "other": 2})


def test_a_number_that_is_too_big_for_a_division_does_not_fit() -> None:
    with pytest.raises(Mismatch, match="a number"):
        json_schema({"properties": {"a": {"multipleOf": 0.1}}})({"a": 10**400})


def test_a_schema_that_refers_to_itself_without_end_is_told() -> None:
    with pytest.raises(BadSchema, match="without end"):
        json_schema({"$ref": "#"})({})


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(BadSchema, match=r"pip install notifier-worker\[schema\]"):
        json_schema(SCHEMA)
