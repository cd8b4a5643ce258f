"""TLSA records against certificates of another implementation, and against whatever octets there are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from authority import Authority, public_key
from hypothesis import given
from hypothesis import strategies as st

from notifier.smtp.tlsa import TLSA, strongest

DIGESTS = {0: lambda octets: octets, 1: lambda o: hashlib.sha256(o).digest(), 2: lambda o: hashlib.sha512(o).digest()}
NUMBERS = st.integers(0, 255)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    return authority.issue("mx.example").der, authority.issue("mx.example").der


def record(usage: int, selector: int, matching: int, certificate: bytes) -> TLSA:
    selected = certificate if selector == 0 else public_key(certificate)
    return TLSA(usage, selector, matching, DIGESTS[matching](selected))


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_a_record_fits_its_own_certificate_and_no_other(
    certificates: tuple[bytes, bytes], usage: int, selector: int, matching: int
) -> None:
    mine, other = certificates
    made = record(usage, selector, matching, mine)
    assert made.usable
    assert made.fits(mine)
    assert not made.fits(other)


def test_a_record_about_the_key_outlives_the_certificate(tmp_path: Path) -> None:
    certificate = Authority(tmp_path).issue("mx.example").der
    key = public_key(certificate)
    again = certificate.replace(b"mx.example", b"mz.example")
    assert again != certificate
    assert TLSA(3, 1, 0, key).fits(again)
    assert not record(3, 0, 1, certificate).fits(again)


@pytest.mark.parametrize(
    "made",
    [
        TLSA(0, 0, 1, bytes(32)),
        TLSA(1, 1, 2, bytes(64)),
        TLSA(4, 0, 1, bytes(32)),
        TLSA(3, 2, 1, bytes(32)),
        TLSA(3, 1, 3, bytes(32)),
        TLSA(3, 1, 1, bytes(31)),
        TLSA(3, 1, 2, bytes(32)),
        TLSA(3, 1, 1, b""),
        TLSA(3, 0, 0, b""),
        TLSA(3, 0, 0, b"no certificate"),
        TLSA(2, 0, 0, b"\x30\x03\x02\x01\x01trailing"),
    ],
    ids=str,
)
def test_what_smtp_has_no_meaning_for_or_nobody_can_compare_is_not_usable(made: TLSA) -> None:
    assert not made.usable
    assert strongest([made]) == ()
    assert not made.fits(b"\x30\x03\x02\x01\x01")


def test_of_two_digests_of_one_kind_the_stronger_counts_alone(certificates: tuple[bytes, bytes]) -> None:
    mine, other = certificates
    weak, strong = record(3, 1, 1, other), record(3, 1, 2, mine)
    whole, key_elsewhere = record(3, 1, 0, other), record(2, 0, 1, other)
    assert set(strongest([weak, strong, whole, key_elsewhere, strong])) == {strong, whole, key_elsewhere}


def test_the_order_in_which_records_come_means_nothing(certificates: tuple[bytes, bytes]) -> None:
    records = [record(usage, selector, 1, one) for usage in (2, 3) for selector in (0, 1) for one in certificates]
    assert strongest(records) == strongest(reversed(records))


@given(NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=200), st.binary(max_size=200))
def test_no_octets_break_a_comparison(usage: int, selector: int, matching: int, data: bytes, shown: bytes) -> None:
    made = TLSA(usage, selector, matching, data)
    if made.fits(shown):
        assert made.usable
        assert usage in (2, 3)
        assert selector == 0, "these octets are no certificate, so no key was taken from them"
        assert data == DIGESTS[matching](shown)


@given(st.sampled_from([2, 3]), st.sampled_from([0, 1, 2]), st.binary(min_size=1, max_size=300))
def test_a_record_made_from_octets_fits_them(usage: int, matching: int, shown: bytes) -> None:
    made = TLSA(usage, 0, matching, DIGESTS[matching](shown))
    assert made.fits(shown) == made.usable


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_other_octet_is_another_certificate(position: int, change: int) -> None:
    shown = bytes(range(256)) * 4
    other = bytearray(shown)
    other[position % len(shown)] ^= change
    made = TLSA(3, 0, 1, hashlib.sha256(shown).digest())
    assert made.fits(shown)
    assert not made.fits(bytes(other))
