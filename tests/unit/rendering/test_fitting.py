"""A quick yes of a schema's is the library's yes; no and "I do not know" are left to the library."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from notifier.rendering import Renderer, TemplateLibrary
from notifier.rendering.fitting import fitting

_TEXT = st.sampled_from(["", "a", "ab", "abc", "1.5", "é", "https://a.example"])
_SCALAR = st.one_of(_TEXT, st.integers(-1, 2), st.sampled_from([0.0, 1.0, 1.5, float("nan")]), st.booleans(), st.none())
_NAMES = st.sampled_from(["a", "b", "c"])
_VALUES = st.recursive(
    _SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=3)),
    max_leaves=8,
)
_KINDS = st.sampled_from(["string", "number", "integer", "boolean", "null", "object", "array"])
_WORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.one_of(_KINDS, st.lists(_KINDS, min_size=1, max_size=2, unique=True)),
    "enum": st.lists(_TEXT, min_size=1, max_size=3),
    "pattern": st.sampled_from(["^a", "b$", "^-?[0-9]+([.][0-9]+)?$"]),
    "required": st.lists(_NAMES, max_size=2, unique=True),
    "additionalProperties": st.just(False),
    "minimum": st.sampled_from([0, 1, 1.5]),
    "maximum": st.sampled_from([0, 1, 1.5]),
    "minLength": st.integers(0, 3),
    "maxLength": st.integers(0, 3),
    "minItems": st.integers(0, 2),
    "maxItems": st.integers(0, 2),
    "title": st.just("a title"),
}
_SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional=_WORDS),
    lambda inner: st.fixed_dictionaries(
        {}, optional={**_WORDS, "properties": st.dictionaries(_NAMES, inner, max_size=2), "items": inner}
    ),
    max_leaves=4,
)


@given(_SCHEMAS, _VALUES)
def test_what_fits_at_once_fits_for_the_library_too(schema: dict[str, Any], value: object) -> None:
    fits = fitting(schema)
    assert fits is not None
    if fits(value):
        assert Draft202012Validator(schema).is_valid(value)


def test_the_samples_of_every_template_that_ships_fit_at_once() -> None:
    renderer = Renderer(TemplateLibrary())
    for name in renderer.names():
        metadata = renderer.metadata(name)
        assert isinstance(metadata.schema, dict)
        fits = fitting(metadata.schema)
        assert fits is not None, name
        assert all(fits(sample) for sample in metadata.samples.values()), name


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}},
        {"properties": {"a": {"format": "email"}}},
        {"items": {"anyOf": [{"type": "string"}]}},
        {"items": False},
        {"enum": [1]},
        {"pattern": "("},
        {"additionalProperties": {"type": "string"}},
        {"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}},
    ],
)
def test_what_it_does_not_know_it_leaves_to_the_library(schema: dict[str, Any]) -> None:
    assert fitting(schema) is None


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, True),
        ({"type": "integer"}, 1.5),
        ({"type": "number"}, False),
        ({"type": "object", "required": ["a"]}, {}),
        ({"items": {"minLength": 1}}, ["a", ""]),
        ({"properties": {"a": {"type": "string"}}, "additionalProperties": False}, {"b": 1}),
    ],
)
def test_what_does_not_fit_gets_no_yes(schema: dict[str, Any], value: object) -> None:
    fits = fitting(schema)
    assert fits is not None
    assert not fits(value)
