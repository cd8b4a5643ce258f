from __future__ import annotations

import pytest

from notifier import priority_headers
from notifier.errors import InvalidHeader
from notifier.mime import check_headers


@pytest.mark.parametrize(
    ("level", "values"),
    [
        ("high", ["1 (Highest)", "high", "urgent"]),
        ("normal", ["3 (Normal)", "normal", "normal"]),
        ("low", ["5 (Lowest)", "low", "non-urgent"]),
    ],
)
def test_the_three_fields_say_the_same(level: str, values: list[str]) -> None:
    headers = priority_headers(level)
    check_headers(headers)
    assert list(headers) == ["X-Priority", "Importance", "Priority"]
    assert list(headers.values()) == values


def test_there_are_three_levels() -> None:
    with pytest.raises(InvalidHeader, match="high, normal, low"):
        priority_headers("urgent")
