"""What an endpoint's trust may stand beside, and how it is told apart."""

from __future__ import annotations

import pytest

from notifier.model.secret import Secret
from notifier.pool.relays import place_of
from notifier.smtp import Endpoint, TLSPolicy
from notifier.smtp.tlsa import TLSA
from notifier.smtp.trust import Published, Trust, Unauthenticated, WebPKI

RECORDS = (TLSA(3, 1, 1, bytes(32)),)
PUBLISHED = Published(RECORDS, "mx.example")


def test_a_relay_is_verified_by_chain_and_name_unless_something_else_is_said() -> None:
    assert Endpoint("relay.example", 587).trust == WebPKI()


@pytest.mark.parametrize("trust", [Unauthenticated(), PUBLISHED])
def test_a_password_goes_to_a_verified_relay_alone(trust: Trust) -> None:
    with pytest.raises(ValueError, match="credentials go to a server whose chain and name are verified"):
        Endpoint("mx.example", 25, trust=trust, username="zoe", password=Secret("hunter2"))


@pytest.mark.parametrize("policy", [TLSPolicy.OPPORTUNISTIC, TLSPolicy.NONE])
def test_published_keys_want_tls(policy: TLSPolicy) -> None:
    with pytest.raises(ValueError, match="TLS is required"):
        Endpoint("mx.example", 25, tls=policy, trust=PUBLISHED)


def test_sni_tells_the_name_that_the_records_are_of() -> None:
    assert Endpoint("mx.example", 25, trust=Published(RECORDS, "target.example")).server_name == "target.example"
    assert Endpoint("mx.example", 25, trust=Unauthenticated()).server_name == "mx.example"


def test_what_is_held_against_a_host_under_one_trust_is_not_under_another() -> None:
    others = (
        Published(RECORDS, "mx.example", ("domain.example",)),
        Published(RECORDS, "mx.example", authenticates=False),
        Published((TLSA(3, 1, 1, bytes([1] * 32)),), "mx.example"),
    )
    trusts: list[Trust] = [WebPKI(), Unauthenticated(), PUBLISHED, *others]
    places = [place_of(Endpoint("mx.example", 25, trust=trust)).relay for trust in trusts]
    assert len(set(places)) == len(trusts)
    assert places[0] == "mx.example:25 required", "relays of the settings keep the breakers that they have"
    assert place_of(Endpoint("mx.example", 25, trust=Published(RECORDS, "mx.example"))).relay == places[2]
