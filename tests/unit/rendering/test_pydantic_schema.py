from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from notifier.rendering.mismatch import Mismatch
from notifier.rendering.pydantic_schema import pydantic_schema


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Invoice(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: str
    due: date
    total: Decimal = Decimal(0)
    count: int = Field(1, ge=1)
    pets: list[Cat | Dog] = []
    pet: Cat | Dog | None = Field(None, discriminator="kind")

    @field_validator("number")
    @classmethod
    def known(cls, value: str) -> str:
        if value == "hunter2":
            raise ValueError(f"{value} is no number")
        if value == "hunter3":
            raise KeyError(value)
        return value


GOOD: Mapping[str, Any] = {"number": "1", "due": "2026-11-28"}
CHECK = pydantic_schema(Invoice)


def test_what_fits_passes_and_stays_as_it_is() -> None:
    """The template gets what it was given, and no Decimal of the model's."""
    context = {**GOOD, "total": "1.50", "pets": [{"kind": "cat"}]}
    CHECK(context)
    assert context == {**GOOD, "total": "1.50", "pets": [{"kind": "cat"}]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"number": 1}, "context.number does not fit the model: Input should be a valid string"),
        ({"count": "1"}, "context.count does not fit the model: Input should be a valid integer"),
        ({"count": 0}, "context.count does not fit the model: Input should be greater than or equal to 1"),
        ({"nmber": 1}, "context.nmber does not fit the model: Extra inputs are not permitted"),
        ({"due": "tomorrow"}, "context.due does not fit the model: date_parsing"),
        ({"number": "hunter2"}, "context.number does not fit the model: value_error"),
        ({"pet": {"kind": "hunter2"}}, "context.pet does not fit the model: union_tag_invalid"),
    ],
)
def test_what_does_not_fit_is_told_by_its_place_and_without_its_value(change: Mapping[str, Any], told: str) -> None:
    with pytest.raises(Mismatch) as error:
        CHECK({**GOOD, **change})
    assert str(error.value) == told


def test_what_is_missing_is_told() -> None:
    with pytest.raises(Mismatch, match=r"context\.due is missing"):
        CHECK({"number": "1"})


def test_whatever_a_validator_raises_is_told_without_the_value() -> None:
    with pytest.raises(Mismatch) as told:
        pydantic_schema(Invoice)({**GOOD, "number": "hunter3"})
    assert str(told.value) == "context does not fit the model: its own code raises KeyError"
