"""A context against a pydantic model, strictly: as JSON, so that a date is text, and a number in quotes is no number.

pydantic is the application's: whoever names a model has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from notifier.rendering.mismatch import Checker, Mismatch

# Kinds of errors whose message is made of the model alone. Others quote what they found, or are a validator's own words.
_OF_THE_MODEL = (
    "missing", "extra_forbidden", "literal_error", "enum", "none_required", "string_type", "int_type", "float_type", "bool_type",
    "list_type", "dict_type", "model_type", "string_too_short", "string_too_long", "string_pattern_mismatch", "too_short", "too_long",
    "greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of",
)  # fmt: skip


class Model(Protocol):
    """What is used of a model's class."""

    def model_validate_json(self, json_data: str, *, strict: bool | None = None) -> object:
        """Raises pydantic's `ValidationError`."""
        ...


def pydantic_schema(model: Model) -> Checker:
    """The checker of a model."""
    from pydantic import ValidationError  # noqa: PLC0415 - only where a model is named

    def check(context: Mapping[str, Any]) -> None:
        try:
            model.model_validate_json(json.dumps(context), strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise Mismatch.at(first["loc"], _expected(first["type"], first["msg"])) from None
        except Exception as error:  # noqa: BLE001 - a validator of the model may raise anything, with the value in it
            raise Mismatch(f"context does not fit the model: its own code raises {type(error).__name__}") from None

    return check


def _expected(kind: str, message: str) -> str:
    if kind == "missing":
        return "is missing"
    return f"does not fit the model: {message if kind in _OF_THE_MODEL else kind}"
