"""Lookups at a real nameserver: what it answers, what it does not, and for how long an answer is one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest
from dns_server import Clock, DNSServer, Mischief

from notifier.errors import ConfigurationError, DeliveryError
from notifier.smtp.deadline import Deadline
from notifier.smtp.mx.answers import Answer, Exchange, LookupFailed
from notifier.smtp.mx.hosts import Forbidden, Hosts
from notifier.smtp.mx.resolver import FAILED_FOR, LONGEST, LONGEST_NEGATIVE, MOST_RECORDS, Resolver
from notifier.smtp.mx.screen import Screen
from notifier.smtp.resolving import MOST_ADDRESSES, interleaved
from notifier.smtp.tlsa import TLSA

NAME = "example.test"


@pytest.fixture
def server() -> Iterator[DNSServer]:
    with DNSServer() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def resolver(server: DNSServer, clock: Clock) -> Resolver:
    return Resolver([("127.0.0.1", server.port)], clock=clock)


def soon() -> Deadline:
    return Deadline.after(5)


# answers ------------------------------------------------------------------------------------------------------------


def test_each_kind_of_record_is_read(server: DNSServer, resolver: Resolver) -> None:
    server.add(NAME, "MX", "20 Backup.Example.test.", "10 mx.example.test.")
    server.add("mx.example.test", "A", "192.0.2.1")
    server.add("mx.example.test", "AAAA", "2001:db8::1")
    server.add("_mta-sts.example.test", "TXT", '"v=STSv1; " "id=1;"')
    server.add("_25._tcp.mx.example.test", "TLSA", f"3 1 1 {'ab' * 32}")
    server.add("alias.example.test", "CNAME", "Target.example.test.")
    exchanges = resolver.exchanges(NAME, soon()).records
    assert sorted(exchanges) == [Exchange(10, "mx.example.test"), Exchange(20, "backup.example.test")]
    assert resolver.addresses("mx.example.test", soon()).records == ("2001:db8::1", "192.0.2.1")
    assert resolver.texts("_mta-sts.example.test", soon()).records == (b"v=STSv1; id=1;",)
    assert resolver.published("_25._tcp.mx.example.test", soon()).records == (TLSA(3, 1, 1, b"\xab" * 32),)
    assert resolver.alias("alias.example.test", soon()).records == ("target.example.test",)


def test_a_null_mx_is_the_root(server: DNSServer, resolver: Resolver) -> None:
    server.add(NAME, "MX", "0 .")
    assert resolver.exchanges(NAME, soon()).records == (Exchange(0, "."),)


def test_a_name_that_is_not_there_and_one_without_such_records_are_told_apart(
    server: DNSServer, resolver: Resolver
) -> None:
    server.add(NAME, "A", "192.0.2.1")
    assert resolver.exchanges(NAME, soon()) == Answer()
    assert resolver.exchanges("nowhere.test", soon()) == Answer(exists=False)
    assert not resolver.addresses("nowhere.test", soon()).exists


def test_an_alias_is_followed_and_its_end_told(server: DNSServer, resolver: Resolver) -> None:
    server.add("mx.example.test", "CNAME", "middle.example.test.")
    server.add("middle.example.test", "CNAME", "target.example.test.")
    server.add("target.example.test", "A", "192.0.2.1")
    found = resolver.addresses("mx.example.test", soon())
    assert (found.records, found.canonical) == (("192.0.2.1",), "target.example.test")


@pytest.mark.parametrize("name", ["a..test", f"{'x' * 64}.test", ".".join(["abcdefgh"] * 40)])
def test_what_no_zone_can_hold_is_not_even_asked_for(name: str, server: DNSServer, resolver: Resolver) -> None:
    assert not resolver.exchanges(name, soon()).exists
    assert server.asked == []


def test_a_thousand_addresses_come_over_tcp_and_few_of_them_are_tried(server: DNSServer, resolver: Resolver) -> None:
    server.add("mx.example.test", "A", *(f"198.18.{number // 250}.{number % 250}" for number in range(1000)))
    assert len(resolver.addresses("mx.example.test", soon()).records) == MOST_RECORDS
    assert ("mx.example.test", "A", "TCP") in server.asked
    hosts = Hosts(resolver, Screen([ip_network("198.18.0.0/15")]))
    assert len(interleaved(hosts.resolve("mx.example.test", 25))) == MOST_ADDRESSES


def test_an_answer_that_is_cut_off_is_asked_for_over_tcp(server: DNSServer, resolver: Resolver) -> None:
    server.add(NAME, "MX", "10 mx.example.test.")
    server.misbehave(NAME, "MX", Mischief.TRUNCATED)
    assert resolver.exchanges(NAME, soon()).records == (Exchange(10, "mx.example.test"),)
    assert [transport for _, _, transport in server.asked] == ["UDP", "TCP"]


def test_an_answer_to_another_question_is_not_taken(server: DNSServer, resolver: Resolver) -> None:
    server.add(NAME, "MX", "10 mx.example.test.")
    server.misbehave(NAME, "MX", Mischief.FORGED_FIRST)
    assert resolver.exchanges(NAME, soon()).records == (Exchange(10, "mx.example.test"),)


# failures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mischief", "words"),
    [
        (Mischief.SERVFAIL, "SERVFAIL"),
        (Mischief.REFUSED, "REFUSED"),
        (Mischief.GARBAGE, "MX of example.test"),
        (Mischief.TRUNCATED_ALWAYS, "cut off"),
        (Mischief.REFERRAL, "does not look things up"),
    ],
)
def test_a_nameserver_that_fails_has_not_said_that_there_is_nothing(
    mischief: Mischief, words: str, server: DNSServer, resolver: Resolver
) -> None:
    server.misbehave(NAME, "MX", mischief)
    with pytest.raises(LookupFailed, match=words):
        resolver.exchanges(NAME, Deadline.after(1))


def test_silence_ends_with_the_deadline(server: DNSServer, resolver: Resolver) -> None:
    server.misbehave(NAME, "MX", Mischief.SILENT)
    with pytest.raises(LookupFailed, match="no answer in time"):
        resolver.exchanges(NAME, Deadline.after(0.2))


def test_no_nameserver_at_all_is_a_failure(clock: Clock) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(LookupFailed):
        Resolver([("127.0.0.1", port)], clock=clock).exchanges(NAME, Deadline.after(1))


def test_a_loop_of_aliases_is_a_failure(server: DNSServer, resolver: Resolver) -> None:
    server.add("a.test", "CNAME", "b.test.")
    server.add("b.test", "CNAME", "a.test.")
    with pytest.raises(LookupFailed):
        resolver.addresses("a.test", soon())


def test_one_family_that_cannot_be_looked_up_does_not_hide_the_other(server: DNSServer, resolver: Resolver) -> None:
    server.add("mx.example.test", "A", "192.0.2.1")
    server.misbehave("mx.example.test", "AAAA", Mischief.SERVFAIL)
    assert resolver.addresses("mx.example.test", soon()).records == ("192.0.2.1",)
    server.misbehave("other.test", "AAAA", Mischief.SERVFAIL)
    with pytest.raises(LookupFailed, match="AAAA"):
        resolver.addresses("other.test", soon())


def test_a_family_that_is_never_answered_costs_a_moment_once(server: DNSServer, resolver: Resolver) -> None:
    """Some nameservers swallow questions for AAAA: what is known already does not wait for them."""
    server.add("mx.example.test", "A", "192.0.2.1")
    server.misbehave("mx.example.test", "AAAA", Mischief.SILENT)
    deadline = Deadline.after(600)
    assert resolver.addresses("mx.example.test", deadline).records == ("192.0.2.1",)
    asked = server.count("mx.example.test", "AAAA")
    assert resolver.addresses("mx.example.test", deadline).records == ("192.0.2.1",)
    assert server.count("mx.example.test", "AAAA") == asked


def test_the_next_nameserver_is_asked_where_one_fails(server: DNSServer, clock: Clock) -> None:
    server.add(NAME, "MX", "10 mx.example.test.")
    with DNSServer() as broken:
        broken.misbehave(NAME, "MX", Mischief.SERVFAIL)
        both = Resolver([("127.0.0.1", broken.port), ("127.0.0.1", server.port)], clock=clock)
        assert both.exchanges(NAME, soon()).records
        assert broken.count(NAME, "MX") == 1


# for how long -------------------------------------------------------------------------------------------------------


def asked_again_after(
    seconds: float, ask: Callable[[], object], name: str, kind: str, server: DNSServer, clock: Clock
) -> bool:
    ask()
    before = server.count(name, kind)
    clock.now += seconds
    ask()
    return server.count(name, kind) > before


@pytest.mark.parametrize("ttl", [1, 30, 300])
def test_an_answer_lives_as_long_as_its_ttl(ttl: int, server: DNSServer, resolver: Resolver, clock: Clock) -> None:
    server.add(NAME, "MX", "10 mx.example.test.", ttl=ttl)
    ask = lambda: resolver.exchanges(NAME, soon())  # noqa: E731
    assert not asked_again_after(ttl - 0.5, ask, NAME, "MX", server, clock)
    assert asked_again_after(ttl, ask, NAME, "MX", server, clock)


def test_an_answer_with_ttl_0_is_for_once(server: DNSServer, resolver: Resolver, clock: Clock) -> None:
    server.add(NAME, "MX", "10 mx.example.test.", ttl=0)
    assert asked_again_after(0, lambda: resolver.exchanges(NAME, soon()), NAME, "MX", server, clock)


def test_no_ttl_is_longer_than_a_day(server: DNSServer, resolver: Resolver, clock: Clock) -> None:
    server.add(NAME, "MX", "10 mx.example.test.", ttl=2**31 - 1)
    ask = lambda: resolver.exchanges(NAME, soon())  # noqa: E731
    assert not asked_again_after(LONGEST - 1, ask, NAME, "MX", server, clock)
    assert asked_again_after(1, ask, NAME, "MX", server, clock)


def test_an_alias_counts_with_its_own_ttl(server: DNSServer, resolver: Resolver, clock: Clock) -> None:
    server.add("mx.example.test", "CNAME", "target.example.test.", ttl=10)
    server.add("target.example.test", "A", "192.0.2.1", ttl=300)
    assert asked_again_after(
        10, lambda: resolver.addresses("mx.example.test", soon()), "mx.example.test", "A", server, clock
    )


@pytest.mark.parametrize(("minimum", "lives"), [(60, 60), (86_400, LONGEST_NEGATIVE)])
def test_that_there_is_nothing_holds_for_as_long_as_the_zone_says_within_bounds(
    minimum: int, lives: float, server: DNSServer, resolver: Resolver, clock: Clock
) -> None:
    server.negative_ttl = minimum
    server.add("here.test", "A", "192.0.2.1")
    for name in ("nowhere.test", "here.test"):
        ask = lambda name=name: resolver.exchanges(name, soon())  # noqa: E731
        assert not asked_again_after(lives - 1, ask, name, "MX", server, clock)
        assert asked_again_after(1, ask, name, "MX", server, clock)


def test_where_the_zone_does_not_say_it_holds_for_once(server: DNSServer, resolver: Resolver, clock: Clock) -> None:
    server.negative_ttl = None
    assert asked_again_after(0, lambda: resolver.exchanges(NAME, soon()), NAME, "MX", server, clock)


def test_a_failure_is_not_tried_again_for_a_moment(server: DNSServer, resolver: Resolver, clock: Clock) -> None:
    server.misbehave(NAME, "MX", Mischief.SERVFAIL)

    def ask() -> None:
        with pytest.raises(LookupFailed):
            resolver.exchanges(NAME, soon())

    assert not asked_again_after(FAILED_FOR - 1, ask, NAME, "MX", server, clock)
    server.misbehave(NAME, "MX", None)
    server.add(NAME, "MX", "10 mx.example.test.")
    clock.now += 1
    assert resolver.exchanges(NAME, soon()).records


def test_a_lookup_that_had_no_time_left_says_nothing_about_the_next(server: DNSServer, resolver: Resolver) -> None:
    server.add(NAME, "MX", "10 mx.example.test.")
    with pytest.raises(LookupFailed):
        resolver.exchanges(NAME, Deadline.after(0))
    assert resolver.exchanges(NAME, soon()).records


# whose word counts --------------------------------------------------------------------------------------------------


def test_signed_is_what_the_nameserver_says_is(server: DNSServer, resolver: Resolver) -> None:
    server.add(NAME, "MX", "10 mx.example.test.")
    server.add("signed.test", "MX", "10 mx.example.test.")
    server.signed = {"signed.test"}
    assert not resolver.exchanges(NAME, soon()).secure
    assert resolver.exchanges("signed.test", soon()).secure


def test_both_families_must_be_signed_where_there_are_both(server: DNSServer, resolver: Resolver) -> None:
    server.signed = {"one.test"}
    server.add("one.test", "A", "192.0.2.1")
    assert resolver.addresses("one.test", soon()).secure, "that there is no AAAA takes nothing away"
    server.add("two.test", "A", "192.0.2.1")
    server.add("two.test", "CNAME", "one.test.")
    assert not resolver.addresses("two.test", soon()).secure


def test_a_nameserver_of_the_system_is_trusted_where_it_is_on_this_host(
    server: DNSServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dns.resolver

    def configured(self: dns.resolver.Resolver, address: str) -> None:
        self.nameservers = [address]
        self.port = server.port

    server.add(NAME, "MX", "10 mx.example.test.")
    server.all_signed = True
    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", lambda self, _: configured(self, "127.0.0.1"))
    assert Resolver().exchanges(NAME, soon()).secure
    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", lambda self, _: configured(self, "192.0.2.53"))
    assert not Resolver().trusted


def test_the_word_of_a_nameserver_that_is_not_trusted_does_not_count(server: DNSServer, resolver: Resolver) -> None:
    server.add(NAME, "MX", "10 mx.example.test.")
    server.all_signed = True
    resolver.trusted = False
    assert not resolver.exchanges(NAME, soon()).secure


def test_a_system_without_a_nameserver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import dns.resolver

    def nothing(self: object, path: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", nothing)
    with pytest.raises(ConfigurationError, match="name one with resolver="):
        Resolver()


def test_without_dnspython_the_error_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['dns'] = None\n"
        "from notifier.smtp.mx import MxRules, Router\n"
        "from notifier.settings.mx import parse_mx\n"
        "import notifier.pool.mx\n"
        "parse_mx('mx://')\n"
        "Router.open(MxRules())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "ConfigurationError: mx:// needs dnspython: pip install 'notifier-worker[mx]'" in done.stderr


# which addresses are connected to -------------------------------------------------------------------------------------


def test_a_name_that_leads_to_this_host_the_next_time_is_refused_then(
    server: DNSServer, resolver: Resolver, clock: Clock
) -> None:
    """DNS rebinding: what was looked at before does not count; what is connected to is looked at (row D6)."""
    server.add("mx.example.test", "A", "93.184.216.34", ttl=1)
    server.then("mx.example.test", "A", "127.0.0.1", ttl=1)
    hosts = Hosts(resolver, Screen())
    assert hosts.addresses("mx.example.test", soon()).records == ("93.184.216.34",)
    clock.now += 1
    with pytest.raises(DeliveryError) as caught:
        hosts.resolve("mx.example.test", 25)
    assert caught.value.taxonomy_id == "D6"
    assert "127.0.0.1" in str(caught.value)


def test_of_several_addresses_the_public_ones_are_left(server: DNSServer, resolver: Resolver) -> None:
    server.add("mx.example.test", "A", "10.0.0.1", "93.184.216.34", "169.254.169.254")
    server.add("mx.example.test", "AAAA", "::1", "fd00:ec2::254")
    found = Hosts(resolver, Screen()).resolve("mx.example.test", 25)
    assert [sockaddr[0] for _, sockaddr in found] == ["93.184.216.34"]


def test_a_host_with_forbidden_addresses_alone_is_no_host(server: DNSServer, resolver: Resolver) -> None:
    server.add("mx.example.test", "A", "10.0.0.1")
    with pytest.raises(Forbidden, match=r"leads to 10\.0\.0\.1"):
        Hosts(resolver, Screen()).addresses("mx.example.test", soon())


@pytest.mark.parametrize("mischief", [Mischief.SERVFAIL, None])
def test_a_host_that_has_no_address_any_more_is_tried_later(
    mischief: Mischief | None, server: DNSServer, resolver: Resolver
) -> None:
    for kind in ("A", "AAAA"):
        server.misbehave("mx.example.test", kind, mischief)
    with pytest.raises(DeliveryError) as caught:
        Hosts(resolver, Screen()).resolve("mx.example.test", 25)
    assert caught.value.taxonomy_id == "D3"


# threads and forks ----------------------------------------------------------------------------------------------------


def test_threads_share_what_is_known(server: DNSServer, resolver: Resolver) -> None:
    names = [f"n{number}.test" for number in range(20)]
    for name in names:
        server.add(name, "MX", f"10 mx.{name}.")
    wrong: list[str] = []

    def ask() -> None:
        found = [(name, resolver.exchanges(name, Deadline.after(30)).records) for name in names * 5]
        wrong.extend(name for name, records in found if records != (Exchange(10, f"mx.{name}"),))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(server.asked) <= len(names) * len(threads)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # from Python 3.12: that is what is tested
def test_a_child_goes_on_though_a_thread_of_its_parent_held_the_lock(server: DNSServer, resolver: Resolver) -> None:
    server.add(NAME, "MX", "10 mx.example.test.")
    assert resolver.exchanges(NAME, soon()).records
    with resolver._cache._state.lock:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = 0 if resolver.exchanges(NAME, soon()).records else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
