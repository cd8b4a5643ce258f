"""From a domain to its hosts and what TLS must prove there: every row and every decision, out of answers as a test has them."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any

import pytest

from notifier.errors import DeliveryError, ErrorClass, PermanentRecipientsRefused, Phase
from notifier.smtp import TLSPolicy
from notifier.smtp.deadline import Deadline
from notifier.smtp.mx import MTASTS, Hop, MxRules, Router
from notifier.smtp.mx.answers import SPARE, Answer, Exchange, LookupFailed
from notifier.smtp.mx.hosts import Hosts
from notifier.smtp.mx.routing import MOST_HOSTS
from notifier.smtp.mx.screen import Screen
from notifier.smtp.mx.sts_policy import Mode, Policy
from notifier.smtp.tlsa import TLSA
from notifier.smtp.trust import Published, Unauthenticated, WebPKI

DOMAIN = "example.test"
OPEN = MxRules()
DANE = MxRules(dane=True)
STS = MxRules(mtasts=MTASTS.ENFORCE)
BOTH = MxRules(dane=True, mtasts=MTASTS.ENFORCE)
FAILS = LookupFailed("SERVFAIL")
NOWHERE: Answer[Any] = Answer(exists=False)
NOTHING: Answer[Any] = Answer()
SERVER, OTHER = TLSA(3, 1, 1, bytes(32)), TLSA(3, 1, 1, bytes([1]) * 32)
AUTHORITY = TLSA(2, 0, 1, bytes(32))
STRANGE = TLSA(3, 7, 1, bytes(32))


@dataclass
class World:
    """``zone``: answers by name and kind. ``policies``: the one that holds, then the one after another look."""

    zone: dict[tuple[str, str], Answer[Any] | LookupFailed] = field(default_factory=dict)
    policies: list[Policy | None] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    deadlines: dict[str, Deadline] = field(default_factory=dict)

    def _answer(self, name: str, kind: str) -> Answer[Any]:
        self.asked.append((name, kind))
        found = self.zone.get((name, kind), NOTHING)
        if isinstance(found, LookupFailed):
            raise found
        return found

    def exchanges(self, domain: str, deadline: Deadline) -> Answer[Exchange]:
        return self._answer(domain, "MX")

    def addresses(self, host: str, deadline: Deadline) -> Answer[str]:
        self.deadlines[host] = deadline
        return self._answer(host, "A")

    def alias(self, name: str, deadline: Deadline) -> Answer[str]:
        return self._answer(name, "CNAME")

    def published(self, name: str, deadline: Deadline) -> Answer[TLSA]:
        return self._answer(name, "TLSA")

    def mx(self, *exchanges: tuple[int, str], secure: bool = False, alias_of: str = DOMAIN) -> None:
        self.zone[DOMAIN, "MX"] = Answer(tuple(Exchange(*one) for one in exchanges), alias_of, secure)

    def host(self, name: str, *addresses: str, secure: bool = False, alias_of: str | None = None) -> None:
        self.zone[name, "A"] = Answer(addresses or ("192.0.2.1",), alias_of or name, secure)

    def tlsa(self, name: str, *records: TLSA, secure: bool = True) -> None:
        self.zone[f"_25._tcp.{name}", "TLSA"] = Answer(records, "", secure)

    def of(self, domain: str, deadline: Deadline) -> Policy | None:
        return self.policies[0]

    def anew(self, domain: str, deadline: Deadline) -> Policy | None:
        return self.policies[-1]

    def route(self, rules: MxRules = OPEN, domain: str = DOMAIN) -> tuple[tuple[Hop, ...], ...]:
        hosts = Hosts(self, Screen([ip_network("192.0.2.0/24")]))
        policies: Any = self if self.policies else None
        return Router(self, hosts, rules, policies=policies).route(domain, Deadline.after(5))

    def hosts(self, rules: MxRules = OPEN) -> list[list[str]]:
        return [[hop.host for hop in tier] for tier in self.route(rules)]

    def hop(self, rules: MxRules) -> Hop:
        ((hop,),) = self.route(rules)
        return hop

    def error(self, rules: MxRules = OPEN, domain: str = DOMAIN) -> DeliveryError:
        with pytest.raises(DeliveryError) as caught:
            self.route(rules, domain)
        assert caught.value.fault.phase is Phase.DNS
        return caught.value


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def one(world: World) -> World:
    """A domain with one host."""
    world.mx((10, "mx.example.test"))
    world.host("mx.example.test")
    return world


# which hosts --------------------------------------------------------------------------------------------------------


def test_hosts_of_equal_preference_stand_together_and_the_preferred_ones_come_first(world: World) -> None:
    world.mx((20, "c.test"), (10, "a.test"), (20, "b.test"), (10, "d.test"))
    for name in "abcd":
        world.host(f"{name}.test")
    assert world.hosts() == [["a.test", "d.test"], ["b.test", "c.test"]]


def test_a_host_that_is_named_twice_counts_where_it_is_preferred(world: World) -> None:
    world.mx((20, "a.test"), (10, "a.test"))
    world.host("a.test")
    assert world.hosts() == [["a.test"]]


def test_of_very_many_hosts_the_preferred_ones_are_enough(world: World) -> None:
    world.mx(*((number, f"n{number}.test") for number in range(100, 0, -1)))
    for number in range(1, 101):
        world.host(f"n{number}.test")
    assert world.hosts() == [[f"n{number}.test"] for number in range(1, MOST_HOSTS + 1)]
    assert len(world.asked) == 1 + MOST_HOSTS


def test_a_domain_without_mx_is_its_own_host(world: World) -> None:
    world.host(DOMAIN)
    assert world.route() == ((Hop(DOMAIN, TLSPolicy.OPPORTUNISTIC, Unauthenticated()),),)


def test_a_domain_is_asked_for_in_a_labels(world: World) -> None:
    world.zone["xn--bcher-kva.test", "MX"] = Answer((Exchange(10, "mx.test"),))
    world.host("mx.test")
    assert world.route(domain="Bücher.test")
    assert world.route(domain="XN--BCHER-KVA.test")


def test_hosts_that_cannot_be_used_leave_the_others(world: World) -> None:
    world.mx((5, "fails.test"), (10, "inner.test"), (20, "gone.test"), (25, "not a host"), (30, "good.test"))
    world.zone["fails.test", "A"] = FAILS
    world.host("inner.test", "10.0.0.1")
    world.host("good.test")
    assert world.hosts() == [["good.test"]]


def test_once_a_host_is_known_the_others_have_little_time(world: World) -> None:
    world.mx((5, "fails.test"), (10, "good.test"), (20, "slow.test"), (30, "slower.test"))
    world.zone["fails.test", "A"] = FAILS
    for name in ("good", "slow", "slower"):
        world.host(f"{name}.test")
    began = time.monotonic()
    world.route()
    latest = world.deadlines
    assert latest["fails.test"] == latest["good.test"]
    assert latest["slow.test"] == latest["slower.test"] < latest["good.test"]
    assert latest["slow.test"] >= began + SPARE


# rows D2 to D6 ------------------------------------------------------------------------------------------------------


def test_row_d2_a_domain_that_is_not_there(world: World) -> None:
    world.zone[DOMAIN, "MX"] = NOWHERE
    error = world.error()
    assert (error.taxonomy_id, error.fault.enhanced, error.fault.host) == ("D2", "5.1.2", DOMAIN)
    assert error.fault.error_class is ErrorClass.PERMANENT
    assert isinstance(error, PermanentRecipientsRefused)
    assert world.asked == [(DOMAIN, "MX")], "its address is not asked for"


def test_row_d2_a_domain_with_neither_mx_nor_address(world: World) -> None:
    error = world.error()
    assert (error.taxonomy_id, error.fault.enhanced) == ("D2", "5.1.2")


@pytest.mark.parametrize("domain", ["[192.0.2.1]", "[IPv6:2001:db8::1]", "[127.0.0.1]"])
def test_row_d2_an_address_literal_is_no_domain(domain: str, world: World) -> None:
    error = world.error(domain=domain)
    assert (error.taxonomy_id, error.fault.enhanced) == ("D2", "5.1.3")
    assert world.asked == []


@pytest.mark.parametrize(
    "domain", ["", "a..test", "-a.test", "a.test.", "a b.test", "a\r\nb.test", "x" * 64 + ".test", "\ud800"]
)
def test_row_d2_what_is_no_domain_is_not_asked_for(domain: str, world: World) -> None:
    assert world.error(domain=domain).taxonomy_id == "D2"
    assert world.asked == []


@pytest.mark.parametrize("lost", [(DOMAIN, "MX"), (DOMAIN, "A")])
def test_row_d3_a_lookup_that_fails_is_not_taken_for_a_domain_that_is_not_there(
    lost: tuple[str, str], world: World
) -> None:
    world.zone[lost] = FAILS
    error = world.error()
    assert (error.taxonomy_id, error.fault.error_class) == ("D3", ErrorClass.TRANSIENT)


def test_row_d3_goes_before_what_is_for_good_where_hosts_fail_for_several_reasons(world: World) -> None:
    world.mx((5, "gone.test"), (10, "inner.test"), (20, "fails.test"))
    world.host("inner.test", "127.0.0.1")
    world.zone["fails.test", "A"] = FAILS
    assert world.error().taxonomy_id == "D3"
    world.zone["fails.test", "A"] = NOTHING
    assert world.error().taxonomy_id == "D6"


def test_row_d4_a_null_mx_and_no_look_at_the_address(world: World) -> None:
    world.mx((0, "."))
    world.host(DOMAIN)
    error = world.error()
    assert (error.taxonomy_id, error.fault.enhanced) == ("D4", "5.1.10")
    assert error.fault.error_class is ErrorClass.PERMANENT
    assert world.asked == [(DOMAIN, "MX")]


def test_a_null_mx_among_others_is_none(world: World) -> None:
    world.mx((0, "."), (10, "mx.example.test"))
    world.host("mx.example.test")
    assert world.hosts() == [["mx.example.test"]]


@pytest.mark.parametrize("lost", [NOTHING, NOWHERE])
def test_row_d5_hosts_that_are_not_there_and_no_look_at_the_domains_own_address(
    lost: Answer[Any], world: World
) -> None:
    world.mx((10, "a.test"), (20, "b.test"))
    world.host(DOMAIN)
    world.zone["a.test", "A"] = lost
    error = world.error()
    assert (error.taxonomy_id, error.fault.enhanced, error.fault.host) == ("D5", "5.4.4", DOMAIN)
    assert error.fault.error_class is ErrorClass.TRANSIENT
    assert (DOMAIN, "A") not in world.asked


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "224.0.0.1"])
def test_row_d6_a_host_that_leads_inwards(address: str, one: World) -> None:
    one.host("mx.example.test", address)
    error = one.error()
    assert (error.taxonomy_id, error.fault.error_class) == ("D6", ErrorClass.MISCONFIGURED)
    assert address in str(error)


def test_row_d6_for_a_domain_that_is_its_own_host(world: World) -> None:
    world.host(DOMAIN, "127.0.0.1")
    assert world.error().taxonomy_id == "D6"


# without policies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [TLSPolicy.OPPORTUNISTIC, TLSPolicy.REQUIRED])
def test_where_nothing_is_published_the_operator_says_whether_tls_must_be(policy: TLSPolicy, one: World) -> None:
    assert one.hop(MxRules(tls=policy)) == Hop("mx.example.test", policy, Unauthenticated())


def test_with_dane_off_nothing_is_asked_for_it(one: World) -> None:
    one.host("mx.example.test", secure=True)
    one.tlsa("mx.example.test", SERVER)
    assert one.hop(OPEN).trust == Unauthenticated()
    assert [kind for _, kind in one.asked] == ["MX", "A"]


# DANE ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed(world: World) -> World:
    """A signed domain with one signed host that publishes its key."""
    world.mx((10, "mx.example.test"), secure=True)
    world.host("mx.example.test", secure=True)
    world.tlsa("mx.example.test", SERVER)
    return world


def test_records_in_signed_zones_are_what_tls_must_fit(signed: World) -> None:
    assert signed.hop(DANE) == Hop("mx.example.test", TLSPolicy.REQUIRED, Published((SERVER,), "mx.example.test"))


def test_a_signed_host_of_an_unsigned_domain_is_held_to_its_records_and_vouches_for_nothing_more(signed: World) -> None:
    signed.mx((10, "mx.example.test"), secure=False)
    assert signed.hop(DANE).trust == Published((SERVER,), "mx.example.test", authenticates=False)


def test_a_signed_domain_that_is_its_own_host(world: World) -> None:
    world.host(DOMAIN, secure=True)
    world.tlsa(DOMAIN, SERVER)
    assert world.hop(DANE).trust == Published((SERVER,), DOMAIN)


def test_under_an_authority_the_certificate_may_be_for_the_domain_where_its_mx_is_signed(signed: World) -> None:
    signed.tlsa("mx.example.test", AUTHORITY, SERVER)
    assert signed.hop(DANE).trust == Published((AUTHORITY, SERVER), "mx.example.test", (DOMAIN,))
    signed.mx((10, "mx.example.test"), secure=True, alias_of="target.test")
    assert signed.hop(DANE).trust == Published((AUTHORITY, SERVER), "mx.example.test", (DOMAIN, "target.test"))
    signed.mx((10, "mx.example.test"), secure=False)
    assert signed.hop(DANE).trust == Published((AUTHORITY, SERVER), "mx.example.test", authenticates=False)


def test_domains_that_share_a_host_share_what_tls_must_fit(signed: World) -> None:
    first = signed.hop(DANE)
    signed.zone["other.test", "MX"] = signed.zone[DOMAIN, "MX"]
    assert signed.route(DANE, "other.test") == ((first,),)


def test_a_host_in_an_unsigned_zone_is_not_asked_for_records(signed: World) -> None:
    """Nameservers of such zones may never answer; that must not hold up the mail (RFC 7672 section 2.2.2)."""
    signed.host("mx.example.test", secure=False)
    signed.zone["_25._tcp.mx.example.test", "TLSA"] = FAILS
    assert signed.hop(DANE).trust == Unauthenticated()


@pytest.mark.parametrize("found", [NOTHING, NOWHERE, Answer(secure=True), Answer((SERVER,), secure=False)])
def test_where_no_signed_record_is_there_tls_is_as_usual(found: Answer[TLSA], signed: World) -> None:
    signed.zone["_25._tcp.mx.example.test", "TLSA"] = found
    assert signed.hop(DANE) == Hop("mx.example.test", TLSPolicy.OPPORTUNISTIC, Unauthenticated())


def test_records_that_nobody_can_use_still_say_that_tls_must_be(signed: World) -> None:
    signed.tlsa("mx.example.test", STRANGE, TLSA(1, 0, 1, bytes(32)))
    assert signed.hop(DANE) == Hop("mx.example.test", TLSPolicy.REQUIRED, Unauthenticated())
    signed.tlsa("mx.example.test", STRANGE, OTHER)
    assert signed.hop(DANE).trust == Published((OTHER,), "mx.example.test")


def test_row_d7_records_that_cannot_be_looked_up(signed: World) -> None:
    signed.zone["_25._tcp.mx.example.test", "TLSA"] = FAILS
    error = signed.error(DANE)
    assert (error.taxonomy_id, error.fault.error_class, error.fault.host) == (
        "D7",
        ErrorClass.TRANSIENT,
        "mx.example.test",
    )


def test_row_d7_leaves_the_hosts_whose_records_are_known(signed: World) -> None:
    signed.mx((10, "lost.test"), (20, "mx.example.test"), secure=True)
    signed.host("lost.test", secure=True)
    signed.zone["_25._tcp.lost.test", "TLSA"] = FAILS
    assert signed.hosts(DANE) == [["mx.example.test"]]


def test_a_bogus_domain_is_one_that_cannot_be_looked_up(signed: World) -> None:
    signed.zone[DOMAIN, "MX"] = FAILS  # what a validating resolver says of a bad signature
    assert signed.error(DANE).taxonomy_id == "D3"


def test_an_alias_is_looked_for_at_its_end_and_then_at_itself(signed: World) -> None:
    signed.host("mx.example.test", secure=True, alias_of="target.test")
    signed.tlsa("target.test", OTHER)
    assert signed.hop(DANE).trust == Published((OTHER,), "target.test")
    del signed.zone["_25._tcp.target.test", "TLSA"]
    assert signed.hop(DANE).trust == Published((SERVER,), "mx.example.test")


def test_a_signed_alias_to_an_unsigned_zone_is_looked_for_at_itself_alone(signed: World) -> None:
    signed.host("mx.example.test", secure=False, alias_of="target.test")
    signed.zone["mx.example.test", "CNAME"] = Answer(("target.test",), secure=True)
    signed.tlsa("target.test", OTHER)
    assert signed.hop(DANE).trust == Published((SERVER,), "mx.example.test")
    assert ("_25._tcp.target.test", "TLSA") not in signed.asked


def test_an_unsigned_alias_is_not_looked_for(signed: World) -> None:
    signed.host("mx.example.test", secure=False, alias_of="target.test")
    assert signed.hop(DANE).trust == Unauthenticated()
    signed.zone["mx.example.test", "CNAME"] = FAILS
    assert signed.error(DANE).taxonomy_id == "D7"


# MTA-STS ------------------------------------------------------------------------------------------------------------


def enforcing(*patterns: str, mode: Mode = Mode.ENFORCE) -> Policy:
    return Policy(mode, 86_400, patterns)


def test_a_host_of_the_policy_must_be_verified_as_the_web_does_it(one: World) -> None:
    one.policies = [enforcing("*.example.test")]
    assert one.hop(STS) == Hop("mx.example.test", TLSPolicy.REQUIRED, WebPKI())


def test_hosts_that_are_not_in_the_policy_get_nothing(one: World) -> None:
    one.mx((5, "evil.test"), (10, "mx.example.test"))
    one.host("evil.test")
    one.policies = [enforcing("mx.example.test")]
    assert one.hosts(STS) == [["mx.example.test"]]
    assert ("evil.test", "A") not in one.asked


def test_row_l2_where_no_host_is_in_the_policy_the_mail_waits(one: World) -> None:
    one.policies = [enforcing("other.test")]
    error = one.error(STS)
    assert (error.taxonomy_id, error.fault.error_class) == ("L2", ErrorClass.MISCONFIGURED)


def test_before_it_waits_the_policy_is_looked_at_again(one: World) -> None:
    one.policies = [enforcing("old.test"), enforcing("mx.example.test")]
    assert one.hop(STS).trust == WebPKI()
    one.policies = [enforcing("old.test"), enforcing(mode=Mode.NONE)]
    assert one.hop(STS).trust == Unauthenticated()


@pytest.mark.parametrize(
    ("rules", "policy"),
    [
        (STS, enforcing("other.test", mode=Mode.TESTING)),
        (replace(STS, mtasts=MTASTS.TESTING), enforcing("other.test")),
        (replace(STS, mtasts=MTASTS.TESTING), enforcing("other.test", mode=Mode.TESTING)),
    ],
)
def test_in_testing_mail_goes_as_usual_and_what_is_wrong_is_told(
    rules: MxRules, policy: Policy, one: World, caplog: pytest.LogCaptureFixture
) -> None:
    one.policies = [policy]
    with caplog.at_level(logging.INFO, "notifier"):
        assert one.hop(rules) == Hop("mx.example.test", TLSPolicy.OPPORTUNISTIC, Unauthenticated())
    assert "mx.example.test of example.test not in its policy" in caplog.text


@pytest.mark.parametrize("policy", [None, enforcing(mode=Mode.NONE), enforcing("mx.example.test", mode=Mode.TESTING)])
def test_without_a_policy_to_enforce_tls_is_as_usual(
    policy: Policy | None, one: World, caplog: pytest.LogCaptureFixture
) -> None:
    one.policies = [policy]
    assert one.hop(STS).trust == Unauthenticated()
    assert caplog.text == ""


def test_a_policy_holds_for_a_domain_that_is_its_own_host(world: World) -> None:
    world.host(DOMAIN)
    world.policies = [enforcing("other.test")]
    assert world.error(STS).taxonomy_id == "L2"
    world.policies = [enforcing(DOMAIN)]
    assert world.hop(STS).trust == WebPKI()


# both ---------------------------------------------------------------------------------------------------------------


def test_published_records_go_before_the_policy_and_the_policy_before_nothing(signed: World) -> None:
    signed.policies = [enforcing("mx.example.test")]
    assert isinstance(signed.hop(BOTH).trust, Published)
    signed.tlsa("mx.example.test", STRANGE)
    assert signed.hop(BOTH).trust == WebPKI()
    signed.tlsa("mx.example.test")
    assert signed.hop(BOTH).trust == WebPKI()


def test_a_policy_vouches_for_the_names_of_hosts_whose_mx_is_not_signed(signed: World) -> None:
    signed.mx((10, "mx.example.test"), secure=False)
    signed.policies = [enforcing("mx.example.test")]
    assert signed.hop(BOTH).trust == Published((SERVER,), "mx.example.test")


def test_a_policy_does_not_make_up_for_records_that_cannot_be_looked_up(signed: World) -> None:
    """RFC 8461 section 2: it must not override a DANE validation that fails."""
    signed.policies = [enforcing("mx.example.test")]
    signed.zone["_25._tcp.mx.example.test", "TLSA"] = FAILS
    assert signed.error(BOTH).taxonomy_id == "D7"


def test_a_host_with_records_that_is_not_in_the_policy_gets_nothing(signed: World) -> None:
    signed.policies = [enforcing("other.test")]
    assert signed.error(BOTH).taxonomy_id == "L2"
