"""`fitting`: whether a context fits a JSON Schema, answered at once where it surely does.

The library walks through the schema anew for every mail, and that was four tenths of what enqueueing one cost. Most schemas of mails
say little more than types, lengths and patterns: those are made into Python once. "No" says nothing: the library is asked then,
and it alone finds the words for an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Fits = Callable[[Any], object]  # true for what fits

_TYPES: Mapping[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "null": frozenset({type(None)}),
    "object": frozenset({dict}),
    "array": frozenset({list}),
}
_ALL = frozenset().union(*_TYPES.values())
_REMARKS = frozenset({"title", "description", "default", "examples", "deprecated", "$comment"})


class _Unknown(Exception):
    """A word that is left to the library."""


def fitting(schema: Mapping[str, Any]) -> Fits | None:
    """For a schema of draft 2020-12; None where it says something that is not known here."""
    try:
        return _node({word: value for word, value in schema.items() if word != "$schema"})
    except (_Unknown, re.error):
        return None


def _node(schema: object) -> Fits:
    """One look at a value's type finds the few checks that say anything about it.

    Types are exactly these: what else is one by the standard (1.0 is an integer) is the library's to say.
    """
    if not isinstance(schema, Mapping):
        raise _Unknown
    words = [word for word in schema if word not in _REMARKS and word != "type"]
    if not _WORDS.keys() >= {*words}:
        raise _Unknown
    made = [(_TYPES[_WORDS[word][0]], _WORDS[word][1](schema[word], schema)) for word in words]
    table = {kind: _joined([check for of, check in made if kind in of]) for kind in _types(schema)}
    return lambda value: table.get(type(value), _no)(value)


def _types(schema: Mapping[str, Any]) -> frozenset[type]:
    names = schema.get("type", [*_TYPES])
    types = frozenset().union(*(_TYPES[name] for name in ([names] if isinstance(names, str) else names)))
    return types & _TYPES["string"] if "enum" in schema else types


def _joined(checks: Sequence[Fits]) -> Fits:
    if len(checks) <= 1:
        return checks[0] if checks else _yes
    if len(checks) == 2:
        one, two = checks
        return lambda value: one(value) and two(value)

    def fits(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - `all` makes a generator for each, and this is asked for every mail
            if not check(value):
                return False
        return True

    return fits


def _yes(_: object) -> bool:
    return True


def _no(_: object) -> bool:
    return False


def _enum(values: list[Any], _: object) -> Fits:
    if not all(isinstance(one, str) for one in values):  # 1 is true for Python, and not for JSON
        raise _Unknown
    return frozenset(values).__contains__


def _pattern(text: str, _: object) -> Fits:
    return re.compile(text).search


def _required(names: list[str], _: object) -> Fits:
    required = frozenset(names)
    return lambda value: value.keys() >= required


def _properties(schemas: Mapping[str, Any], _: object) -> Fits:
    checks = tuple((name, _node(schema)) for name, schema in schemas.items())

    def fits(value: dict[str, Any]) -> bool:
        for name, check in checks:  # noqa: SIM110 - as above
            if name in value and not check(value[name]):
                return False
        return True

    return fits


def _no_others(allowed: object, schema: Mapping[str, Any]) -> Fits:
    if allowed is not False:
        raise _Unknown
    return frozenset(schema.get("properties", ())).issuperset


def _items(schema: object, _: object) -> Fits:
    check = _node(schema)

    def fits(value: list[Any]) -> bool:
        for item in value:  # noqa: SIM110 - as above
            if not check(item):
                return False
        return True

    return fits


def _at_least(limit: float, _: object) -> Fits:
    return lambda value: value >= limit


def _at_most(limit: float, _: object) -> Fits:
    return lambda value: value <= limit


def _not_shorter(limit: float, _: object) -> Fits:
    return len if limit == 1 else lambda value: len(value) >= limit


def _not_longer(limit: float, _: object) -> Fits:
    return lambda value: len(value) <= limit


# Of which type each says something, and how its check is made of its value and of the schema.
_WORDS: Mapping[str, tuple[str, Callable[[Any, Mapping[str, Any]], Fits]]] = {
    "enum": ("string", _enum),
    "pattern": ("string", _pattern),
    "minLength": ("string", _not_shorter),
    "maxLength": ("string", _not_longer),
    "minimum": ("number", _at_least),
    "maximum": ("number", _at_most),
    "required": ("object", _required),
    "properties": ("object", _properties),
    "additionalProperties": ("object", _no_others),
    "items": ("array", _items),
    "minItems": ("array", _not_shorter),
    "maxItems": ("array", _not_longer),
}
