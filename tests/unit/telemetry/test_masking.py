from __future__ import annotations

import pytest

from notifier.telemetry.masking import masked, masked_list, without_any


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("zoe@example.org", "z…@example.org"),
        ('"a@b"@example.org', '"…@example.org'),
        ("ü@bücher.example", "ü…@bücher.example"),
        ("@example.org", "…@example.org"),
        ("no address", "…"),
    ],
)
def test_an_address_shows_its_domain_and_one_letter(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_of_many_a_few_are_shown() -> None:
    assert masked_list([f"{letter}@x.example" for letter in "abcde"])[-1] == "and 2 more"


def test_words_of_a_hostile_server_name_nobody() -> None:
    assert without_any('550 <zoe@example.org> and "zo e"@example.org') == '550 <z…@example.org> and "…@example.org'


@pytest.mark.parametrize("piece", ['"', "@", "\\", "a", "a@", '"@'])
def test_words_without_end_are_looked_through_once(piece: str) -> None:
    """The test's timeout is shorter than what a search from each letter to the end would take."""
    assert len(without_any(piece * 300_000)) > 0
