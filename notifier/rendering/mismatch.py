"""What a schema says of a context, whichever kind of schema it is. Places are named, values never: they may be secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Place = tuple[str | int, ...]
Checker = Callable[[Mapping[str, Any]], None]  # raises `Mismatch`


class Mismatch(Exception):
    """The context does not fit. The text says where, and what was expected there."""

    place: Place = ()

    @classmethod
    def at(cls, place: Iterable[str | int], expected: str) -> Mismatch:
        """``context.items[0].price`` is not as expected."""
        mismatch = cls(f"{shown(place := tuple(place))} {expected}")
        mismatch.place = place
        return mismatch


class BadSchema(Exception):
    """The schema itself cannot be used. Its words go on from "the schema"."""


class MissingExtra(BadSchema):
    """What this kind of schema needs is not installed."""


def shown(place: Iterable[str | int]) -> str:
    """``context.items[0].price``, as the intake writes it."""
    return "context" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
