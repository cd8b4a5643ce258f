"""Addresses that a stranger's zone may not lead us to (row D6)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.smtp.mx.screen import Screen

INNER = [
    "0.0.0.0",  # noqa: S104 - "this host"
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
INNER6 = [
    "::",
    "::1",
    "::7f00:1",
    "100::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "64:ff9b:1::1",
]
PUBLIC = ["1.1.1.1", "93.184.216.34", "192.30.255.113", "2606:4700:4700::1111", "2a00:1450:4001::1b"]


@pytest.mark.parametrize("address", INNER + INNER6)
def test_what_is_not_the_public_internet_is_refused(address: str) -> None:
    assert not Screen().lets_through(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_is_not(address: str) -> None:
    assert Screen().lets_through(address)


@pytest.mark.parametrize("inner", INNER)
def test_no_ipv6_clothes_make_an_inner_address_a_public_one(inner: str) -> None:
    number = int(IPv4Address(inner))
    clothed = [
        IPv6Address(number | 0xFFFF << 32),  # mapped
        IPv6Address(0x2002 << 112 | number << 80 | 1),  # 6to4
        IPv6Address((0x64FF9B << 96) | number),  # NAT64
        IPv6Address(number),  # compatible, of old
        IPv6Address(0x20010000 << 96 | (number ^ 0xFFFF_FFFF)),  # Teredo
    ]
    assert [str(one) for one in clothed if Screen().lets_through(str(one))] == []


def test_a_translated_public_address_is_public() -> None:
    assert Screen().lets_through("64:ff9b::5db8:d822")
    assert not Screen().lets_through("::ffff:93.184.216.34"), "the DNS has no business with mapped ones"


@pytest.mark.parametrize(("allowed", "address"), [("10.0.0.0/8", "10.1.2.3"), ("::1/128", "::1"), ("127.0.0.0/8", "::ffff:127.0.0.1")])  # fmt: skip
def test_what_is_allowed_is_let_through_and_nothing_beside(allowed: str, address: str) -> None:
    screen = Screen([ip_network(allowed)])
    assert screen.lets_through(address)
    assert not screen.lets_through("192.168.0.1")


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "0x7f.1", "2130706433", "127.1", "::1%eth0", "1.1.1.1 "])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not Screen().lets_through(text)


@given(st.ip_addresses())
def test_nothing_passes_that_the_library_calls_inner(address: IPv4Address | IPv6Address) -> None:
    if Screen().lets_through(str(address)):
        assert address in ip_network("64:ff9b::/96") or not address.is_private
        inner = (address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified)
        assert not any(inner)


@given(st.ip_addresses(v=4))
def test_an_address_passes_in_ipv6_clothes_only_where_it_passes_without(address: IPv4Address) -> None:
    clothed = str(IPv6Address((0x64FF9B << 96) | int(address)))
    assert Screen().lets_through(clothed) == Screen().lets_through(str(address))
