"""A context against a dataclass: what is required, what is known, and of which plain type. Nothing is converted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from notifier.model.nearest import nearest
from notifier.rendering.mismatch import BadSchema, Checker, Mismatch, Place

_Check = Callable[[object, Place], None]
_PLAIN: Mapping[object, str] = {str: "text", int: "an int", float: "a float", bool: "a bool", NoneType: "None"}
_LISTS = (list, tuple, Sequence)
_MAPPINGS = (dict, Mapping)


def dataclass_schema(kind: type) -> Checker:
    """The checker of a dataclass. Raises `BadSchema` for types that JSON does not know."""
    check = _Types().of(kind)

    def check_all(context: Mapping[str, Any]) -> None:
        check(context, ())

    return check_all


class _Types:
    """Each dataclass is read once, so that one may hold itself."""

    def __init__(self) -> None:
        self._read: dict[type, _Check] = {}

    def of(self, kind: Any) -> _Check:
        if kind is Any or kind is object:
            return lambda _value, _place: None
        if kind in _PLAIN:
            return _plain(kind)
        if is_dataclass(kind) and isinstance(kind, type):
            return self._dataclass(kind)
        return self._composed(kind)

    def _composed(self, kind: Any) -> _Check:
        origin, arguments = get_origin(kind) or kind, get_args(kind)
        if origin in (Union, UnionType):
            return self._union(arguments)
        if origin is Literal:
            return _literal(arguments)
        if origin in _LISTS and (origin is not tuple or arguments[1:] == (...,)):
            return _list(self.of(arguments[0] if arguments else Any))
        if origin in _MAPPINGS and arguments[:1] in ((), (str,)):
            return _mapping(self.of(arguments[1] if arguments else Any))
        raise BadSchema(f"has the type {kind!r}, which is none of JSON's")

    def _dataclass(self, kind: type) -> _Check:
        if kind not in self._read:
            self._read[kind] = self._later(kind)
            self._read[kind] = self._object(kind)
        return self._read[kind]

    def _later(self, kind: type) -> _Check:
        def check(value: object, place: Place) -> None:
            self._read[kind](value, place)

        return check

    def _object(self, kind: type) -> _Check:
        try:
            hints = get_type_hints(kind)
        except Exception as error:  # noqa: BLE001 - a name that is not found, or words that are no type
            raise BadSchema(f"{kind.__qualname__} has a type that is none: {type(error).__name__}: {error}") from None
        given = [field for field in fields(kind) if field.init]
        checks = {field.name: self.of(hints[field.name]) for field in given}
        needed = [field.name for field in given if field.default is MISSING and field.default_factory is MISSING]

        def check(value: object, place: Place) -> None:
            if not isinstance(value, Mapping):
                raise Mismatch.at(place, f"is to be a mapping with {', '.join(checks)}")
            _check_keys(value, place, checks, needed)
            for key, inner in value.items():
                checks[key](inner, (*place, key))

        return check

    def _union(self, kinds: tuple[Any, ...]) -> _Check:
        others = [self.of(kind) for kind in kinds if kind is not NoneType]
        optional = len(others) < len(kinds)

        def check(value: object, place: Place) -> None:
            if not (optional and value is None):
                _any_of(others, value, place)

        return check


def _any_of(checks: list[_Check], value: object, place: Place) -> None:
    told: list[str] = []
    for check in checks:
        try:
            check(value, place)
        except Mismatch as mismatch:
            told.append(str(mismatch))
        else:
            return
    raise Mismatch(", or ".join(told))


def _check_keys(value: Mapping[Any, Any], place: Place, known: Mapping[str, _Check], needed: list[str]) -> None:
    for key in value:
        if key not in known:
            near = nearest(key, known)
            hint = f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
            raise Mismatch.at((*place, str(key)), f"is not in the schema; {hint}")
    for key in needed:
        if key not in value:
            raise Mismatch.at((*place, key), "is missing")


def _plain(kind: type) -> _Check:
    takes: tuple[type, ...] = (int, float) if kind is float else (kind,)

    def check(value: object, place: Place) -> None:
        fits = isinstance(value, takes) and (kind is bool or not isinstance(value, bool))
        if not fits:
            raise Mismatch.at(place, f"is to be {_PLAIN[kind]}")

    return check


def _literal(values: tuple[object, ...]) -> _Check:
    def check(value: object, place: Place) -> None:
        if not any(type(value) is type(one) and value == one for one in values):
            raise Mismatch.at(place, f"is to be one of {', '.join(map(repr, values))}")

    return check


def _list(item: _Check) -> _Check:
    def check(value: object, place: Place) -> None:
        if not isinstance(value, list | tuple):
            raise Mismatch.at(place, "is to be a list")
        for index, inner in enumerate(value):
            item(inner, (*place, index))

    return check


def _mapping(item: _Check) -> _Check:
    def check(value: object, place: Place) -> None:
        if not isinstance(value, Mapping):
            raise Mismatch.at(place, "is to be a mapping")
        for key, inner in value.items():
            item(inner, (*place, key))

    return check
