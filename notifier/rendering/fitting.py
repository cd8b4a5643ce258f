"""`fitting`: whether a context fits a JSON Schema, answered at once where it surely does.

The library walks through the schema anew for every mail, and that was four tenths of what enqueueing one cost. Most schemas of mails
say little more than types, lengths and patterns: those are made into Python once. "No" says nothing: the library is asked then,
and it alone finds the words for an error.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Fits = Callable[[Any], bool]

_TYPES: Mapping[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "null": frozenset({type(None)}),
    "object": frozenset({dict}),
    "array": frozenset({list}),
}
_NUMBERS, _NO_NUMBERS = (int, float), (str, bool, type(None), dict, list)
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
    if not isinstance(schema, Mapping):
        raise _Unknown
    checks = tuple(_made(word, value, schema) for word, value in schema.items() if word not in _REMARKS)
    if len(checks) == 1:
        return checks[0]
    return lambda value: all(check(value) for check in checks)


def _made(word: str, value: Any, schema: Mapping[str, Any]) -> Fits:
    if word == "additionalProperties":
        return _no_others(value, schema)
    if word not in _WORDS:
        raise _Unknown
    return _WORDS[word](value)


def _type(names: str | list[str]) -> Fits:
    """Exactly these: what else is one by the standard (1.0 is an integer) is the library's to say."""
    types = frozenset().union(*(_TYPES[name] for name in ([names] if isinstance(names, str) else names)))
    return lambda value: type(value) in types


def _enum(values: list[Any]) -> Fits:
    if not all(isinstance(one, str) for one in values):  # 1 is true for Python, and not for JSON
        raise _Unknown
    known = frozenset(values)
    return lambda value: isinstance(value, str) and value in known


def _pattern(text: str) -> Fits:
    search = re.compile(text).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _required(names: list[str]) -> Fits:
    return lambda value: not isinstance(value, dict) or all(name in value for name in names)


def _properties(schemas: Mapping[str, Any]) -> Fits:
    checks = [(name, _node(schema)) for name, schema in schemas.items()]
    return lambda value: (
        not isinstance(value, dict) or all(check(value[name]) for name, check in checks if name in value)
    )


def _no_others(allowed: object, schema: Mapping[str, Any]) -> Fits:
    if allowed is not False:
        raise _Unknown
    known = frozenset(schema.get("properties", ()))
    return lambda value: not isinstance(value, dict) or known.issuperset(value)


def _items(schema: object) -> Fits:
    check = _node(schema)
    return lambda value: not isinstance(value, list) or all(check(item) for item in value)


def _bound(fits: Callable[[float, float], bool]) -> Callable[[float], Fits]:
    """Of numbers; what is none has no bound, unless it is one by the standard."""
    return lambda limit: lambda value: fits(value, limit) if type(value) in _NUMBERS else isinstance(value, _NO_NUMBERS)


def _length(kind: type[str] | type[list[Any]], fits: Callable[[int, int], bool]) -> Callable[[int], Fits]:
    return lambda limit: lambda value: not isinstance(value, kind) or fits(len(value), limit)


_WORDS: Mapping[str, Callable[[Any], Fits]] = {
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "required": _required,
    "properties": _properties,
    "items": _items,
    "minimum": _bound(operator.ge),
    "maximum": _bound(operator.le),
    "minLength": _length(str, operator.ge),
    "maxLength": _length(str, operator.le),
    "minItems": _length(list, operator.ge),
    "maxItems": _length(list, operator.le),
}
