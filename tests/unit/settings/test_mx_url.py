"""``mx://`` and its options."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from notifier.pool.mx import MX_POOL
from notifier.protocol.reply import ReplyCaps
from notifier.settings.mx import OPTIONS, parse_mx
from notifier.settings.relay import ManyProblems
from notifier.smtp import TLSPolicy
from notifier.smtp.mx import MTASTS, MX_TIMEOUTS, MxRules
from notifier.smtp.trust import Unauthenticated


def problems(url: str) -> str:
    with pytest.raises(ManyProblems) as caught:
        parse_mx(url)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize("url", ["mx://", "mx:///", "mx://?", "mx:///?"])
def test_without_options_it_is_plain_delivery_to_port_25(url: str) -> None:
    read = parse_mx(url)
    assert read.rules == MxRules()
    assert read.pool == MX_POOL
    assert (read.template.port, read.template.tls, read.template.trust) == (
        25,
        TLSPolicy.OPPORTUNISTIC,
        Unauthenticated(),
    )
    assert read.template.timeouts == MX_TIMEOUTS


def test_every_option_has_its_place(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    read = parse_mx(
        "mx://?dane=on&mtasts=enforce&tls=required&resolver=127.0.0.1:5353&allow=10.0.0.0/8,fd00::/8&port=2525"
        f"&ca={ca}&ehlo=mail.us.test&source=192.0.2.1&timeout_connect=5&timeout_final_reply=700"
        "&pool=3&messages_per_connection=5&max_idle=1&max_age=60&connections=9&rate=100/min&reply_line=1000&reply_octets=2000&reply_lines=3"
    )
    assert read.rules == MxRules(
        dane=True,
        mtasts=MTASTS.ENFORCE,
        tls=TLSPolicy.REQUIRED,
        resolvers=(("127.0.0.1", 5353),),
        allow=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
    )
    template = read.template
    assert (template.port, template.ehlo_name, template.source_address) == (2525, "mail.us.test", "192.0.2.1")
    assert (template.ca_file, template.tls) == (str(ca), TLSPolicy.REQUIRED)
    assert (template.timeouts.connect, template.timeouts.final_reply, template.timeouts.greeting) == (5.0, 700.0, 300.0)
    assert template.reply_caps == ReplyCaps(1000, 2000, 3)
    pool = read.pool
    assert (pool.size, pool.messages_per_connection, pool.max_idle, pool.max_age, pool.connections) == (
        3,
        5,
        1.0,
        60.0,
        9,
    )
    assert pool.rate == pytest.approx(100 / 60)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("192.0.2.53", (("192.0.2.53", 53),)),
        ("192.0.2.53:5353", (("192.0.2.53", 5353),)),
        ("::1", (("::1", 53),)),
        ("[::1]", (("::1", 53),)),
        ("[2001:DB8::1]:5353", (("2001:db8::1", 5353),)),
        ("127.0.0.1:5353,::1", (("127.0.0.1", 5353), ("::1", 53))),
    ],
)
def test_nameservers_are_addresses_perhaps_with_a_port(text: str, read: tuple[tuple[str, int], ...]) -> None:
    assert parse_mx(f"mx://?resolver={text}").rules.resolvers == read


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("dane=yes", "dane= is one of on, off"),
        ("mtasts=on", "mtasts= is one of off, testing, enforce"),
        ("tls=none", "tls= is one of opportunistic, required"),
        ("tls=implicit", "tls= is one of"),
        ("resolver=localhost", "resolver= is the IP address"),
        ("resolver=127.0.0.1:0", "resolver= is the IP address"),
        ("resolver=127.0.0.1:70000", "resolver= is the IP address"),
        ("resolver=", "resolver= is the IP address"),
        ("resolver=1.1.1.1,", "resolver= is the IP address"),
        ("resolver=[::1", "resolver= is the IP address"),
        ("allow=10.0.0.1/8", "allow= is a network"),
        ("allow=all", "allow= is a network"),
        ("allow=", "allow= is a network"),
        ("port=0", "port= is a port"),
        ("port=x", "port= is a port"),
        ("ca=/not/there", "ca= names the file"),
        ("ehlo=a%20b", "ehlo= is a domain name"),
        ("ehlo=a%0d%0ab", "ehlo= is a domain name"),
        ("ehlo=[a%0d%0ab]", "ehlo= is a domain name"),
        ("source=mail.us.test", "source= is an IP address"),
        ("timeout_connect=0", "timeout_connect= is a finite number"),
        ("pool=0", "pool= is a whole number"),
        ("user=zoe", "has no option 'user' with mx://"),
        ("proxy=socks5://p", "has no option 'proxy' with mx://"),
        ("weight=2", "has no option 'weight'"),
        ("window=2", "has no option 'window'"),
    ],
)
def test_what_cannot_work_is_told(options: str, words: str) -> None:
    assert words in problems(f"mx://?{options}")


@pytest.mark.parametrize(
    "url", ["mx://example.com", "mx://zoe:x@", "mx://:25", "mx:///path", "mx://example.com/?dane=on"]
)
def test_no_host_stands_in_it(url: str) -> None:
    assert "the recipients' domains do" in problems(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [("smtp://x", "begins with mx://"), ("mx://?a b", "blank"), ("mx://[", "is no URL"), ("", "begins")],
)
def test_what_is_no_such_url_is_told(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_mx(url)


def test_every_problem_is_told_at_once() -> None:
    found = problems("mx://example.com?dane=maybe&port=x&nonsense=1")
    assert all(part in found for part in ("names a host", "dane=", "port=", "nonsense"))


def test_a_password_in_it_is_not_told() -> None:
    assert "hunter2" not in problems("mx://zoe:hunter2@example.com?dane=x")


def test_unknown_options_are_answered_with_the_known_ones() -> None:
    assert all(name in problems("mx://?x=1") for name in OPTIONS)
