"""Numbers that no command can work with are refused at the call."""

from __future__ import annotations

import click
import pytest

from notifier.cli.main import group

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "words",
    [
        ["queue", "--every", "nan"],
        ["top", "--every", "inf"],
        ["suppress", "add", "zoe@example.com", "--days", "inf"],
        ["suppress", "add", "zoe@example.com", "--days", "nan"],
        ["suppress", "add", "zoe@example.com", "--days", "1e20"],
        ["ready", "--within", "nan", "file"],
        ["dead", "list", "--limit", "-1"],
    ],
    ids=" ".join,
)
def test_a_number_that_is_none_is_wrong_usage(words: list[str]) -> None:
    with pytest.raises(click.BadParameter):
        group.main(words, standalone_mode=False)
