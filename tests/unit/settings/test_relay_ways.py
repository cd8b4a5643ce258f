"""``proxy=`` and ``pin=`` in a relay's URL."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest

from notifier.model.secret import Secret
from notifier.settings.relay import ManyProblems, parse_relay
from notifier.smtp import Endpoint, Proxy, ProxyKind, TLSPolicy

PIN = f"sha256//+{'A' * 41}="  # a digest may begin with a slash, and hold a plus
OTHER = f"sha256/{'B' * 42}A="
CANARY = "hunter2"


def endpoint(options: str, relay: str = "smtp://relay.example") -> Endpoint:
    return parse_relay(f"{relay}?{options}").endpoint


def problems(options: str, relay: str = "smtp://relay.example") -> str:
    with pytest.raises(ManyProblems) as caught:
        endpoint(options, relay)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("socks5://proxy.example", Proxy(ProxyKind.SOCKS5, "proxy.example", 1080)),
        ("socks5h://proxy.example:9050", Proxy(ProxyKind.SOCKS5, "proxy.example", 9050)),
        ("socks5://[2001:db8::1]:1080/", Proxy(ProxyKind.SOCKS5, "2001:db8::1", 1080)),
        ("http://proxy.example:3128", Proxy(ProxyKind.HTTP, "proxy.example", 3128)),
        ("http://zoe@proxy.example:80", Proxy(ProxyKind.HTTP, "proxy.example", 80, "zoe")),
        ("socks5://zo%C3%AB:p%40s%2Fs%3A%25+%26@p.example", Proxy(ProxyKind.SOCKS5, "p.example", 1080, "zoë", Secret("p@s/s:%+&"))),
    ],
)  # fmt: skip
def test_a_proxy_is_a_url_as_it_is_or_encoded_as_a_whole(url: str, proxy: Proxy) -> None:
    for written in (f"proxy={url}", f"proxy={quote(url)}", f"proxy={quote(url, safe='')}", urlencode({"proxy": url})):
        assert endpoint(f"{written}&window=2").proxy == proxy


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begins with"),
        ("proxy.example:1080", "begins with"),
        ("https://proxy.example:443", "begins with"),
        ("socks4://proxy.example:1080", "begins with"),
        ("http://proxy.example", "port"),
        ("socks5://proxy.example:0", "port"),
        ("socks5://proxy.example:65536", "port"),
        ("socks5://:1080", "is written"),
        ("http://proxy.example:3128/path", "is written"),
        ("http://proxy.example:3128?x=y", "is written"),
        ("http://pro%0d%0axy:3128", "is written"),
        (f"socks5://:{CANARY}@proxy.example", "without a user"),
        (f"socks5://zoe:{CANARY}%0d%0a@proxy.example", "control character"),
        (f"socks5://zoe:{CANARY * 40}@proxy.example", "255"),
        (f"http://zo%3ae:{CANARY}@proxy.example:3128", "colon"),
        (f"http://zoe:{CANARY}/x@proxy.example:3128", "port"),
        (f"http://zoe:{CANARY}[@proxy.example:3128", "is no URL"),
        (f"http://zoe:x&{CANARY}@proxy.example:3128", "%26"),
        (f"ftp://zoe:{CANARY}@proxy.example", "begins with"),
    ],
)
def test_a_proxy_that_cannot_work_is_told_without_its_password(url: str, words: str) -> None:
    found = problems(f"proxy={url}")
    assert words in found
    assert CANARY not in found


def test_no_proxy_leads_to_a_unix_socket() -> None:
    assert "Unix socket" in problems("proxy=socks5://p", "lmtp+unix:///run/lmtp")


def test_behind_a_proxy_no_host_is_this_one() -> None:
    assert endpoint("proxy=socks5://p", "smtp://localhost").tls is TLSPolicy.REQUIRED
    assert "would send a password" in problems("tls=none&proxy=socks5://p", "smtp://zoe:x@127.0.0.1")


def test_pins_are_read_with_their_slashes_and_pluses() -> None:
    assert endpoint(f"pin={PIN}").pins == (PIN,)
    assert endpoint(f"pin={PIN},{OTHER.replace('sha256/', 'sha256//')}").pins == (PIN, OTHER)
    assert endpoint(urlencode({"pin": f"{PIN},{OTHER}"})).pins == (PIN, OTHER)


@pytest.mark.parametrize("pin", ["", "sha256/", "sha1/abc=", f"{PIN},", PIN[:-1], f"{PIN};{OTHER}"])
def test_what_is_no_pin_is_told(pin: str) -> None:
    assert "pin= cannot be read" in problems(f"pin={pin}")


def test_a_pin_wants_tls() -> None:
    assert endpoint(f"pin={PIN}", "smtp://localhost").tls is TLSPolicy.REQUIRED
    assert endpoint(f"pin={PIN}", "smtps://relay.example").tls is TLSPolicy.IMPLICIT
    for policy in ("none", "opportunistic"):
        assert "use tls=required" in problems(f"pin={PIN}&tls={policy}")


def test_the_last_of_two_counts_as_with_every_option() -> None:
    assert endpoint(f"pin={PIN}&pin={OTHER}").pins == (OTHER,)
    assert endpoint("window=2&window=3").window == 3


def test_every_problem_is_told_at_once() -> None:
    found = problems("proxy=ftp://x&pin=x&source=x")
    assert all(f"{name}=" in found for name in ("proxy", "pin", "source"))
