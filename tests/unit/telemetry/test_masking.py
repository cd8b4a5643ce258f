from __future__ import annotations

import pytest

from notifier.telemetry.masking import masked, masked_list


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
