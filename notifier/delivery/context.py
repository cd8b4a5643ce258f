"""The template's context, checked at the call: plain JSON, finite, not too deep.

What the worker will render is exactly what the caller saw pass: nothing is converted on the way but tuples, which
JSON has no other word for than lists.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from notifier.errors import InvalidContext

MAX_DEPTH = 64
_AS_THEY_ARE = frozenset({int, bool, type(None)})


class _OddValue(Exception):
    """Perhaps wrong, and perhaps a subclass of something plain."""


def checked_context(context: object) -> dict[str, Any]:
    """A plain copy of ``context``. Raises `InvalidContext`, naming the place of the first value that is no JSON."""
    if not isinstance(context, Mapping):
        raise InvalidContext(f"context must be a mapping of names to values, not {type(context).__name__}")
    try:  # without the place of each value, which only an error has a use for: of ten thousand calls none has one
        return _copied(context, 1)
    except (_OddValue, UnicodeEncodeError):
        pass
    return {_checked_key(key, "context"): _checked(value, f"context.{key}", 1) for key, value in context.items()}


def _copied(mapping: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    copy = {}
    for key, value in mapping.items():
        if type(key) is not str:
            raise _OddValue
        if not key.isascii():
            key.encode()
        copy[key] = _plain(value, depth)
    return copy


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        if not value.isascii():
            value.encode()
        return value
    if kind in _AS_THEY_ARE:
        return value
    if kind is dict and depth < MAX_DEPTH:
        return _copied(value, depth + 1)
    if kind in (list, tuple) and depth < MAX_DEPTH:
        return [_plain(item, depth + 1) for item in value]
    if kind is float and math.isfinite(value):
        return value
    raise _OddValue


def _checked(value: object, place: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidContext(f"{place} is nested deeper than {MAX_DEPTH} levels (or contains itself)")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checked_text(value, place)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidContext(f"{place} is {value}, which JSON cannot hold")
        return float(value)
    if isinstance(value, Mapping):
        return {_checked_key(k, place): _checked(v, f"{place}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(item, f"{place}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise InvalidContext(
        f"{place} is of type {type(value).__name__}, which JSON does not know; "
        "pass text, numbers, lists and mappings (for example str(amount), moment.isoformat(), model.name)"
    )


def _checked_text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidContext(f"{place} holds half of a surrogate pair; it is no valid text") from None
    return str(value)


def _checked_key(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise InvalidContext(f"{place} has the key {key!r}: keys are text, not {type(key).__name__}")
    return _checked_text(key, f"a key of {place}")
