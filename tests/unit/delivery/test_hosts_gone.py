"""Row D5: a domain whose MX hosts have no address, while its owners move house, and when they have left."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from couriers import courier_with
from test_attempt import ANN, an_attempt

from notifier.delivery.courier import HOSTS_MAY_BE_GONE
from notifier.errors import Phase, fault_error
from notifier.protocol import taxonomy
from notifier.retry import Decision, GiveUp, Retry

HOUR = 3600.0


def decided(row: str, age: float) -> Decision:
    """Of a mail that was enqueued so many seconds ago."""
    claim = an_attempt(ANN).claim
    email = replace(claim.email, created_at=time.time() - age)
    error = fault_error(taxonomy.fault(row, Phase.DNS, "no MX host has an address", enhanced="5.4.4"))
    return courier_with()._decided(replace(claim, email=email, deadline_in=HOUR), error)


def test_hosts_without_an_address_are_waited_for() -> None:
    assert isinstance(decided("D5", HOSTS_MAY_BE_GONE - HOUR), Retry)


def test_and_not_for_longer_than_a_day() -> None:
    assert HOSTS_MAY_BE_GONE == 24 * HOUR
    given_up = decided("D5", HOSTS_MAY_BE_GONE + HOUR)
    assert isinstance(given_up, GiveUp)
    assert given_up.fault is not None
    assert (given_up.fault.taxonomy_id, given_up.fault.enhanced) == ("D5P", "5.4.4")


@pytest.mark.parametrize("row", ["D3", "C1"])
def test_what_says_nothing_of_the_domain_is_waited_for_as_long_as_the_mail_is_good(row: str) -> None:
    assert isinstance(decided(row, 3 * HOSTS_MAY_BE_GONE), Retry)
