"""Mail to the recipients' own servers, whole: a real nameserver, real SMTP servers on one port, policies over real HTTPS."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from authority import Authority, Certificate, tlsa
from dns_server import Clock, DNSServer, Mischief
from policy_server import POLICY, PolicyServer, answer
from workers import wait_until

from notifier.errors import ConfigurationError, DeliveryError, RelayUnavailable
from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome, RecipientState
from notifier.model.parameters import MailParameters
from notifier.pool import LocalBreakers
from notifier.pool.mx import MxRelays
from notifier.settings.mx import parse_mx
from notifier.smtp.mx import Router
from notifier.smtp.mx.sts import FRESH_FOR, NOT_AGAIN_FOR
from notifier.testing import HostileServer, Refuse
from notifier.testing.hostile import OFFERS, Moment

DOMAIN = "example.test"
MX, BACKUP = "mx.example.test", "backup.example.test"
POLICY_HOST = f"mta-sts.{DOMAIN}"
POLICY_RECORD = f"_mta-sts.{DOMAIN}"
AUTHENTIC = ("dane=on", "mtasts=enforce")


@dataclass
class Internet:
    """A nameserver, an authority, a web server with the policy of ``DOMAIN``, and mail servers on one port of loopback."""

    folder: Path
    stack: ExitStack
    clock: Clock = field(default_factory=Clock)
    port: int = 0

    def __post_init__(self) -> None:
        self.dns = self.stack.enter_context(DNSServer())
        self.authority = Authority(self.folder)
        self.web = self.stack.enter_context(PolicyServer(self.authority.issue(POLICY_HOST)))
        self.dns.add(POLICY_HOST, "A", "127.0.0.1")

    def host(self, name: str, address: str, certificate: Certificate | None = None, **options: Any) -> HostileServer:
        """A server that listens at the address, which the name has from now on."""
        self.dns.add(name, "A", address)
        return self.server(address, certificate, **options)

    def server(self, address: str, certificate: Certificate | None = None, **options: Any) -> HostileServer:
        """The same without a name. ``certificate``: for STARTTLS, which is not offered without."""
        context = certificate.context if certificate is not None else None
        server = HostileServer(tls=certificate is not None, context=context, **options)
        server.host, server.port = address, self.port
        self.stack.enter_context(server)
        self.port = server.port
        return server

    def announce(self, policy: str = POLICY, number: str = "1") -> None:
        """``DOMAIN`` has this policy."""
        self.dns.add(POLICY_RECORD, "TXT", f'"v=STSv1; id={number};"', ttl=60)
        self.web.says = answer(policy)

    def relays(self, *options: str, allow: str = "127.0.0.0/8") -> MxRelays:
        """As the URL with these options has it."""
        given = (f"resolver=127.0.0.1:{self.dns.port}", f"port={self.port}", f"ca={self.authority.ca_file}", *options)
        read = parse_mx("mx://?" + "&".join((*given, f"allow={allow}") if allow else given))
        router = Router.open(
            read.rules,
            port=read.template.port,
            ca_file=read.template.ca_file,
            clock=self.clock,
            https_port=self.web.port,
        )
        relays = MxRelays(router, read.template, LocalBreakers(), resolve=router.hosts.resolve, config=read.pool)
        self.stack.callback(relays.close, 0.0)
        return relays


@pytest.fixture
def internet(tmp_path: Path) -> Iterator[Internet]:
    with ExitStack() as stack:
        made = Internet(tmp_path, stack)
        made.dns.add(DOMAIN, "MX", f"10 {MX}.", f"20 {BACKUP}.")
        yield made


@pytest.fixture(autouse=True)
def no_descriptor_stays_open() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is what is wanted
    yield
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before, "every descriptor is closed")  # noqa: PTH208


def mail(domain: str = DOMAIN, **parameters: Any) -> MailObject:
    wish = MailParameters(**parameters) if parameters else None
    return MailObject(Envelope("s@us.test", (f"a@{domain}",), wish), b"Subject: hi\r\n\r\nhello\r\n")


def send(relays: MxRelays, domain: str = DOMAIN, **parameters: Any) -> Outcome:
    with relays.for_domain(domain).session(time.monotonic() + 30) as lent:
        return next(iter(lent.send_many([mail(domain, **parameters)])))


def refused(relays: MxRelays, domain: str = DOMAIN) -> str:
    """The row."""
    with pytest.raises(DeliveryError) as caught:
        send(relays, domain)
    return caught.value.taxonomy_id


# hosts --------------------------------------------------------------------------------------------------------------


def test_mail_goes_to_the_preferred_host_and_to_the_next_where_that_is_down(internet: Internet) -> None:
    backup = internet.host(BACKUP, "127.0.0.3")
    relays = internet.relays()
    internet.dns.add(MX, "A", "127.0.0.2")
    send(relays)
    assert len(backup.accepted) == 1
    first = internet.server("127.0.0.2")
    send(relays)
    assert (len(first.accepted), len(backup.accepted)) == (1, 1)


def test_mail_goes_to_the_next_host_where_the_first_greets_with_a_refusal(internet: Internet) -> None:
    internet.host(MX, "127.0.0.2", plan={Moment.GREETING: Refuse("554 5.3.2 not today")})
    backup = internet.host(BACKUP, "127.0.0.3")
    send(internet.relays())
    assert len(backup.accepted) == 1


def test_what_a_host_says_of_a_mail_is_not_asked_of_the_next(internet: Internet) -> None:
    internet.host(MX, "127.0.0.2", plan={Moment.RCPT: Refuse("550 5.1.1 no such user")})
    backup = internet.host(BACKUP, "127.0.0.3")
    outcome = send(internet.relays())
    assert [fault.taxonomy_id for fault in outcome.faults] == ["R7"]
    assert backup.connections == 0


def test_every_address_of_a_host_is_tried(internet: Internet) -> None:
    server = internet.server("127.0.0.9")
    internet.dns.add(MX, "A", *(f"127.0.1.{number}" for number in range(1, 9)), "127.0.0.9")
    send(internet.relays())
    assert len(server.accepted) == 1


def test_domains_with_one_host_share_a_connection_which_carries_twenty_mails(internet: Internet) -> None:
    server = internet.host(MX, "127.0.0.2", internet.authority.issue(MX))
    for number in range(25):
        internet.dns.add(f"n{number}.test", "MX", f"10 {MX}.")
    relays = internet.relays()
    for number in range(25):
        assert send(relays, f"n{number}.test").tls is not None
    assert (len(server.accepted), server.connections) == (25, 2)


def test_a_host_that_moves_is_followed_when_its_ttl_ends(internet: Internet) -> None:
    old, new = internet.host(MX, "127.0.0.2"), internet.server("127.0.0.3")
    internet.dns.add(MX, "A", "127.0.0.2", ttl=60)
    relays = internet.relays("messages_per_connection=1")
    send(relays)
    internet.dns.add(MX, "A", "127.0.0.3", ttl=60)
    internet.clock.now += 59
    send(relays)
    assert (len(old.accepted), len(new.accepted)) == (2, 0)
    internet.clock.now += 1
    send(relays)
    assert (len(old.accepted), len(new.accepted)) == (2, 1)


def test_a_domain_that_changes_its_mx_is_followed_when_its_ttl_ends(internet: Internet) -> None:
    old, new = internet.host(MX, "127.0.0.2"), internet.host("other.test", "127.0.0.3")
    internet.dns.add(DOMAIN, "MX", f"10 {MX}.", ttl=60)
    relays = internet.relays()
    send(relays)
    internet.dns.add(DOMAIN, "MX", "10 other.test.", ttl=60)
    internet.clock.now += 60
    send(relays)
    assert (len(old.accepted), len(new.accepted)) == (1, 1)


def test_the_ehlo_name_is_the_operators(internet: Internet) -> None:
    server = internet.host(MX, "127.0.0.2")
    send(internet.relays("ehlo=mail.us.test"))
    assert server.heard[0].startswith(b"EHLO mail.us.test\r\n")


def test_threads_deliver_to_many_domains_at_once(internet: Internet) -> None:
    servers = [internet.host(f"mx{number}.test", f"127.0.2.{number}") for number in range(1, 6)]
    for number in range(50):
        internet.dns.add(f"d{number}.test", "MX", f"10 mx{number % 5 + 1}.test.")
    relays = internet.relays()
    threads = [
        threading.Thread(target=lambda start=start: [send(relays, f"d{number}.test") for number in range(start, 50, 5)])
        for start in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(server.accepted) for server in servers) == 50
    assert max(server.connections for server in servers) <= 2


# D1 to D7 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), AUTHENTIC])
def test_each_row_of_the_dns(options: tuple[str, ...], internet: Internet) -> None:
    internet.server("127.0.0.2")
    dns = internet.dns
    dns.all_signed = True
    dns.add("empty.test", "TXT", '"nothing here"')
    dns.add("null.test", "MX", "0 .")
    dns.add("null.test", "A", "127.0.0.2")
    dns.add("hostless.test", "MX", "10 nowhere.test.", "20 loop.test.", "30 other.nowhere.test.")
    dns.add("hostless.test", "A", "127.0.0.2")
    dns.add("lost.test", "MX", "10 nowhere.test.")
    dns.add("inner.test", "MX", "10 inner.mx.test.")
    dns.add("inner.mx.test", "A", "10.1.2.3")
    dns.add("loop.test", "CNAME", "pool.test.")
    dns.add("pool.test", "CNAME", "loop.test.")
    dns.misbehave("broken.test", "MX", Mischief.SERVFAIL)
    relays = internet.relays(*options)
    rows = {
        "gone.test": "D2",
        "empty.test": "D2",
        "broken.test": "D3",
        "loop.test": "D3",
        "null.test": "D4",
        "lost.test": "D5",
        "hostless.test": "D3",  # one of its hosts may be there: nobody knows
        "inner.test": "D6",
        "[127.0.0.2]": "D2",
    }
    assert {domain: refused(relays, domain) for domain in rows} == rows


def test_row_d6_without_allow_nothing_of_this_host_is_reached(internet: Internet) -> None:
    server = internet.host(MX, "127.0.0.2")
    internet.dns.add(BACKUP, "A", "127.0.0.2")
    assert refused(internet.relays(allow="")) == "D6"
    assert refused(internet.relays(allow="10.0.0.0/8")) == "D6"
    assert server.connections == 0


def test_row_d6_a_name_that_turns_inwards_between_the_look_and_the_connection(internet: Internet) -> None:
    """DNS rebinding with a TTL of 0: the look that counts is the one whose address is connected to."""
    inner = internet.server("127.0.0.2")
    outer = internet.server("127.1.0.2")
    internet.dns.add(DOMAIN, "MX", f"10 {MX}.")
    internet.dns.add(MX, "A", "127.1.0.2", ttl=0)
    internet.dns.then(MX, "A", "127.0.0.2", ttl=0)
    assert refused(internet.relays(allow="127.1.0.0/16")) == "D6"
    assert (inner.connections, outer.connections) == (0, 0)


def test_row_d7_where_the_records_cannot_be_looked_up_nothing_is_sent(internet: Internet) -> None:
    internet.dns.all_signed = True
    server = internet.host(MX, "127.0.0.2", internet.authority.issue(MX))
    internet.dns.add(DOMAIN, "MX", f"10 {MX}.")
    internet.dns.misbehave(f"_{internet.port}._tcp.{MX}", "TLSA", Mischief.SERVFAIL)
    assert refused(internet.relays("dane=on")) == "D7"
    assert server.connections == 0
    assert send(internet.relays()).terminator_sent, "without DANE nobody asks"


# DANE ---------------------------------------------------------------------------------------------------------------


def publish(internet: Internet, *records: str, name: str = MX) -> None:
    internet.dns.add(f"_{internet.port}._tcp.{name}", "TLSA", *records)


def test_a_host_that_publishes_its_key_is_held_to_it(internet: Internet) -> None:
    internet.dns.all_signed = True
    right, wrong = (internet.authority.issue("anything.test") for _ in range(2))
    imposter = internet.host(MX, "127.0.0.2", wrong)
    backup = internet.host(BACKUP, "127.0.0.3", right)
    publish(internet, tlsa(3, 1, 1, right.der))
    publish(internet, tlsa(3, 1, 1, right.der), name=BACKUP)
    assert send(internet.relays("dane=on")).tls is not None
    assert (len(imposter.accepted), len(backup.accepted)) == (0, 1)
    assert imposter.connections == 1


def test_a_host_under_a_published_authority_is_verified_by_it(internet: Internet) -> None:
    internet.dns.all_signed = True
    server = internet.host(MX, "127.0.0.2", internet.authority.issue(DOMAIN, shows_root=True))
    publish(internet, tlsa(2, 0, 1, internet.authority.der))
    relays = internet.relays("dane=on", "messages_per_connection=1")
    for _ in range(3):
        send(relays)
    assert (len(server.accepted), server.connections) == (3, 4)


def test_a_host_that_publishes_its_key_and_offers_no_tls_gets_nothing(internet: Internet) -> None:
    internet.dns.all_signed = True
    server = internet.host(MX, "127.0.0.2")
    internet.dns.add(DOMAIN, "MX", f"10 {MX}.")
    publish(internet, tlsa(3, 1, 1, internet.authority.issue(MX).der))
    assert refused(internet.relays("dane=on")) == "S1"
    assert b"MAIL" not in b"".join(server.heard)


def test_an_alias_is_told_by_sni_as_its_records_name_it(internet: Internet) -> None:
    internet.dns.all_signed = True
    certificate = internet.authority.issue("target.test")
    told: list[str | None] = []
    certificate.context.sni_callback = lambda sock, name, context: told.append(name)
    server = internet.host("target.test", "127.0.0.2", certificate)
    internet.dns.remove(MX, "A")
    internet.dns.add(MX, "CNAME", "target.test.")
    publish(internet, tlsa(3, 1, 1, certificate.der), name="target.test")
    send(internet.relays("dane=on"))
    assert len(server.accepted) == 1
    assert told == ["target.test"]


@pytest.mark.parametrize("signed", [False, True])
def test_without_a_signature_records_mean_nothing(signed: bool, internet: Internet) -> None:
    internet.dns.all_signed = signed
    server = internet.host(MX, "127.0.0.2", internet.authority.issue(MX))
    internet.dns.add(DOMAIN, "MX", f"10 {MX}.")
    publish(internet, tlsa(3, 1, 1, internet.authority.issue(MX).der))
    if signed:
        assert refused(internet.relays("dane=on")) == "L2"
    else:
        send(internet.relays("dane=on"))
    assert len(server.accepted) == (0 if signed else 1)


def test_records_that_change_are_followed_when_their_ttl_ends(internet: Internet) -> None:
    internet.dns.all_signed = True
    internet.dns.add(DOMAIN, "MX", f"10 {MX}.")
    old, new = (internet.authority.issue(MX) for _ in range(2))
    server = internet.host(MX, "127.0.0.2", old)
    publish(internet, tlsa(3, 1, 1, old.der))
    relays = internet.relays("dane=on")
    send(relays)
    server.context = new.context
    publish(internet, tlsa(3, 1, 1, new.der))
    internet.clock.now += 300
    send(relays)
    assert len(server.accepted) == 2


def test_dane_wants_a_resolver_that_can_be_trusted(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> None:
    import dns.resolver

    monkeypatch.setattr(
        dns.resolver.Resolver, "read_resolv_conf", lambda self, _: setattr(self, "nameservers", ["192.0.2.53"])
    )
    with pytest.raises(ConfigurationError, match="dane=on needs a validating resolver"):
        Router.open(parse_mx("mx://?dane=on").rules)
    Router.open(parse_mx("mx://").rules)


# MTA-STS ------------------------------------------------------------------------------------------------------------


def test_a_host_of_the_policy_is_verified_and_another_gets_nothing(internet: Internet) -> None:
    internet.announce()
    internet.dns.add(DOMAIN, "MX", "5 evil.test.", f"10 {MX}.")
    stranger = internet.host("evil.test", "127.0.0.3", internet.authority.issue("evil.test"))
    server = internet.host(MX, "127.0.0.2", internet.authority.issue(MX))
    assert send(internet.relays("mtasts=enforce")).tls is not None
    assert (len(server.accepted), stranger.connections) == (1, 0)


@pytest.mark.parametrize(
    ("names", "options", "row"),
    [((BACKUP,), {}, "L2"), ((MX,), {"expired": True}, "L2"), (None, {}, "S1")],
)
def test_a_host_of_the_policy_that_cannot_prove_itself_gets_nothing(
    names: tuple[str, ...] | None, options: dict[str, bool], row: str, internet: Internet
) -> None:
    internet.announce()
    certificate = internet.authority.issue(*names, **options) if names else None
    server = internet.host(MX, "127.0.0.2", certificate)
    assert refused(internet.relays("mtasts=enforce")) == row
    assert b"MAIL" not in b"".join(server.heard)
    assert send(internet.relays()).terminator_sent, "without MTA-STS it goes as usual"


def test_a_certificate_of_an_unknown_authority_gets_nothing(tmp_path: Path, internet: Internet) -> None:
    internet.announce()
    server = internet.host(MX, "127.0.0.2", Authority(tmp_path, "stranger").issue(MX))
    assert refused(internet.relays("mtasts=enforce")) == "L2"
    assert server.accepted == []


@pytest.mark.parametrize(
    ("policy", "option"), [(POLICY.replace("enforce", "testing"), "enforce"), (POLICY, "testing"), (POLICY, "off")]
)
def test_what_is_not_enforced_stops_no_mail(policy: str, option: str, internet: Internet) -> None:
    internet.announce(policy.replace(MX, "other.test"))
    server = internet.host(MX, "127.0.0.2")
    send(internet.relays(f"mtasts={option}"))
    assert len(server.accepted) == 1


def test_a_policy_outlives_whoever_suppresses_it(internet: Internet) -> None:
    internet.announce()
    server = internet.host(MX, "127.0.0.2", internet.authority.issue(MX))
    relays = internet.relays("mtasts=enforce", "messages_per_connection=1")
    send(relays)
    internet.web.says = answer(status="500 Oops")
    internet.dns.misbehave(POLICY_RECORD, "TXT", Mischief.SERVFAIL)
    internet.clock.now += FRESH_FOR
    server.tls = False
    assert refused(relays) == "S1"
    assert len(server.accepted) == 1


def test_a_policy_that_was_never_to_be_had_stops_no_mail(internet: Internet) -> None:
    """RFC 8461 section 3.3: then the domain is as one that has none."""
    internet.announce()
    internet.web.says = answer(status="404 Not Found")
    server = internet.host(MX, "127.0.0.2")
    relays = internet.relays("mtasts=enforce")
    for _ in range(3):
        send(relays)
    assert len(server.accepted) == 3
    assert len(internet.web.heard) == 1
    internet.announce()
    internet.clock.now += NOT_AGAIN_FOR
    assert refused(relays) == "S1"


def test_a_domain_that_moves_and_says_so_is_followed(internet: Internet) -> None:
    internet.announce()
    internet.host(MX, "127.0.0.2", internet.authority.issue(MX))
    moved = internet.host("new.test", "127.0.0.3", internet.authority.issue("new.test"))
    internet.dns.add(DOMAIN, "MX", f"10 {MX}.", ttl=60)
    relays = internet.relays("mtasts=enforce")
    send(relays)
    internet.dns.add(DOMAIN, "MX", "10 new.test.", ttl=60)
    internet.clock.now += 60
    assert refused(relays) == "L2"
    internet.announce(POLICY.replace(MX, "new.test"), number="2")
    internet.clock.now += 60
    send(relays)
    assert len(moved.accepted) == 1


# REQUIRETLS -----------------------------------------------------------------------------------------------------------


def test_row_e7_a_mail_that_requires_tls_goes_where_dane_or_a_policy_vouches_and_nowhere_else(
    internet: Internet,
) -> None:
    certificate = internet.authority.issue(MX)
    offers = (*OFFERS, "REQUIRETLS")
    server = internet.host(MX, "127.0.0.2", certificate, offers=offers)
    internet.dns.add(DOMAIN, "MX", f"10 {MX}.")
    plain = send(internet.relays(), require_tls=True)
    assert [fault.taxonomy_id for fault in plain.faults] == ["E7"]
    internet.announce()
    assert accepted(send(internet.relays("mtasts=enforce"), require_tls=True))
    publish(internet, tlsa(3, 1, 1, certificate.der))
    internet.dns.all_signed = True
    assert accepted(send(internet.relays("dane=on"), require_tls=True))
    assert [b" REQUIRETLS" in heard for heard in server.heard] == [False, True, True]
    internet.dns.all_signed = False
    internet.dns.signed = {MX, f"_{internet.port}._tcp.{MX}"}
    hijackable = send(internet.relays("dane=on"), require_tls=True)
    assert [fault.taxonomy_id for fault in hijackable.faults] == ["E7"], "the MX itself is not signed"


def accepted(outcome: Outcome) -> bool:
    return {one.state for one in outcome.recipients.values()} == {RecipientState.ACCEPTED}


# breakers -------------------------------------------------------------------------------------------------------------


def test_a_dead_host_is_knocked_at_a_few_times_for_all_its_domains(internet: Internet) -> None:
    internet.dns.add(MX, "A", "127.0.0.2")
    server = internet.server("127.0.0.2", plan={Moment.GREETING: Refuse("421 4.3.2 closing")})
    for number in range(20):
        internet.dns.add(f"n{number}.test", "MX", f"10 {MX}.")
    relays = internet.relays()
    for number in range(20):
        with pytest.raises((DeliveryError, RelayUnavailable)):
            send(relays, f"n{number}.test")
    assert server.connections == 5
