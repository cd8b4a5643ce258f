"""The addresses of a host: their order, their number, and what a lookup that fails is called."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

import pytest

from notifier.errors import DeliveryError
from notifier.smtp.resolving import MOST_ADDRESSES, Address, interleaved, looked_up


def six(*numbers: int) -> list[Address]:
    return [Address(socket.AF_INET6, (f"2001:db8::{number}", 25, 0, 0)) for number in numbers]


def four(*numbers: int) -> list[Address]:
    return [Address(socket.AF_INET, (f"192.0.2.{number}", 25)) for number in numbers]


@pytest.mark.parametrize(
    ("found", "order"),
    [
        (six(1, 2, 3) + four(1), six(1) + four(1) + six(2, 3)),
        (four(1, 2) + six(1, 2), four(1) + six(1) + four(2) + six(2)),
        (four(1, 1, 2), four(1, 2)),
        (six(1), six(1)),
    ],
)
def test_the_families_take_turns_beginning_with_the_resolvers_first(found: list[Address], order: list[Address]) -> None:
    assert interleaved(found) == order


def test_a_name_with_a_thousand_addresses_is_no_scan_and_both_families_are_tried() -> None:
    chosen = interleaved(six(*range(1000)) + four(1))
    assert len(chosen) == MOST_ADDRESSES
    assert four(1)[0] in chosen


def failing(error: Exception) -> str:
    def resolve(host: str, port: int) -> Iterable[tuple[int, object]]:
        raise error

    with pytest.raises(DeliveryError) as caught:
        looked_up("relay.example", 25, resolve, "relay.example:25")
    assert "'relay.example' cannot be looked up" in str(caught.value)
    return caught.value.taxonomy_id


@pytest.mark.parametrize(
    ("error", "row"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "D1"),
        (socket.gaierror(socket.EAI_NODATA, "No address associated with hostname"), "D1"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "D3"),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure"), "D3"),
        (UnicodeError("label too long"), "D1"),
        (ValueError("embedded null character"), "D1"),
        (OSError(errno.EMFILE, "Too many open files"), "C3"),
        (OSError(errno.EIO, "Input/output error"), "D3"),
    ],
)
def test_a_lookup_that_fails_has_its_row(error: Exception, row: str) -> None:
    assert failing(error) == row


def test_a_name_without_an_address_is_unknown() -> None:
    with pytest.raises(DeliveryError) as caught:
        looked_up("relay.example", 25, lambda host, port: [], "relay.example:25")
    assert caught.value.taxonomy_id == "D1"
