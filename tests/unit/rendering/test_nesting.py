from __future__ import annotations

import pytest

from notifier.rendering.nesting import MAX_DEPTH, is_too_deep

MANY = MAX_DEPTH + 1


@pytest.mark.parametrize(
    "html",
    ["<div>" * MANY, "<DIV\n class=a>" * MANY, "<b></i>" * MANY, "<table><tr><td>" * MANY, "<p><font>x</p>" * MANY],
)
def test_what_is_opened_again_and_again_is_too_deep(html: str) -> None:
    assert is_too_deep(html)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<div>" * MAX_DEPTH,
        "<div>x</div>" * MANY,
        "<table>" + "<tr><td>a<td>b" * MANY + "</table>",
        "<br><img src=x>" * MANY,
        "<mj-image />" * MANY,
        "a < b " * MANY,
    ],
)
def test_what_is_long_is_not_deep(html: str) -> None:
    assert not is_too_deep(html)


def test_where_every_end_is_written_all_count() -> None:
    assert is_too_deep("<p>" * MANY, implied=frozenset())
