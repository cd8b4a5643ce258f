"""Addresses are covered."""

from __future__ import annotations

import pytest

from notifier.console.operator_page.veil import Veil

COVERED, LIFTED = Veil(lifted=False), Veil(lifted=True)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("zoe@example.com", "z…@example.com"),
        ("ζωή@παράδειγμα.gr", "ζ…@παράδειγμα.gr"),
        ('"zoe @ home"@example.com', '"…@example.com'),
        ("", "…"),
        ("no address", "n…"),
    ],
)
def test_an_address_keeps_its_first_character_and_its_domain(path: str, shown: str) -> None:
    assert COVERED.address(path) == shown
    assert LIFTED.address(path) == path


@pytest.mark.parametrize(
    "words",
    [
        "550 5.1.1 <zoe.angstrom@example.com>: Recipient address rejected",
        "550 user zoe.angstrom unknown",
        "550 Zoe.Angstrom is over quota",
        "450 try zoe.angstrom@other.example, or ZOE.ANGSTROM@EXAMPLE.COM",
        'said of "zoe.angstrom x"@example.com',
        "RCPT TO:<zoe.angstrom+news@example.com>",
    ],
)
def test_a_servers_words_name_nobody(words: str) -> None:
    shown = COVERED.words(words, ["ann@example.com", "zoe.angstrom+news@example.com"])
    assert "angstrom" not in shown.lower()
    assert LIFTED.words(words, ["zoe.angstrom+news@example.com"]) == words


def test_what_is_no_address_stays_as_it_was_said() -> None:
    assert COVERED.words("451 4.7.1 Greylisted, come again in 5 min", ["ann@example.com"]) == (
        "451 4.7.1 Greylisted, come again in 5 min"
    )


def test_a_short_name_is_not_looked_for_in_words() -> None:
    assert COVERED.words("250 ok it is", ["is@example.com"]) == "250 ok it is"


def test_a_mail_to_a_crowd_takes_no_time() -> None:
    crowd = [f"reader{number}@example.com" for number in range(10_000)]
    assert COVERED.words("550 no reader77 here", crowd) == "550 no r… here"


@pytest.mark.long
@pytest.mark.parametrize("piece", ['"', "@", "\\", "a", '"\\', "a@", ".a", '"@', "<a"])
def test_words_of_a_hostile_server_take_no_time(piece: str) -> None:
    """The test's timeout is shorter than what a search from each letter to the end would take."""
    assert len(COVERED.words(piece * 300_000, ["a" * 64 + "@example.com"])) > 0


@pytest.mark.parametrize(
    "words", ["zoe.angstrom@a@b", "@zoe.angstrom@example.com", "x:zoe.angstrom@example.com", 'a\\"zoe.angstrom@b']
)
def test_odd_addresses_are_covered_too(words: str) -> None:
    assert "angstrom" not in COVERED.words(words)
