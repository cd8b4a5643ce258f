"""What is said to a proxy, octet by octet, and what its answers mean. No socket."""

from __future__ import annotations

import base64

import pytest

from notifier.model.secret import Secret
from notifier.smtp.proxy import MAX_HEAD, Dialogue, Proxy, ProxyKind, ProxyRefusal, dialogue

SOCKS, HTTP = ProxyKind.SOCKS5, ProxyKind.HTTP
GREETING = b"220 relay.example ESMTP\r\n"
BOUND = bytes([127, 0, 0, 1, 4, 0])
DONE = b"\5\0\0\1" + BOUND
PASSWORD = "hunter2"


def proxy(kind: ProxyKind, *, login: bool = False) -> Proxy:
    port = 1080 if kind is SOCKS else 3128
    return Proxy(kind, "proxy.example", port, *(("zoe", Secret(PASSWORD)) if login else ()))


def talk(words: Dialogue, *answers: bytes) -> list[bytes]:
    """What is said; each answer comes octet by octet, with the next ones and a greeting waiting behind it."""
    said, waiting = [], list(answers)
    try:
        say = next(words)
        while True:
            said.append(say.octets)
            answer = waiting.pop(0)
            come = [say.measure((answer + GREETING)[:end]) for end in range(1, len(answer) + len(GREETING) + 1)]
            lengths = {length for length in come if length is not None}
            assert lengths == {len(answer)}, "the measure is the answer's length, from its last octet on"
            assert come.index(len(answer)) == len(answer) - 1
            say = words.send(answer)
    except StopIteration:
        assert waiting == []
        return said


def refusal(words: Dialogue, *answers: bytes) -> ProxyRefusal:
    def go() -> None:
        say = next(words)
        for answer in answers:
            length = say.measure(answer)
            assert length is not None
            say = words.send(answer[:length])

    with pytest.raises(ProxyRefusal) as caught:
        go()
    assert PASSWORD not in str(caught.value)
    return caught.value


# SOCKS5 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("relay.example", b"\3\x0drelay.example"),
        ("192.0.2.9", b"\1\xc0\0\2\x09"),
        ("2001:db8::9", b"\4\x20\x01\x0d\xb8" + bytes(11) + b"\x09"),
        ("bücher.example", b"\3\x15xn--bcher-kva.example"),
    ],
)
def test_socks_gets_names_as_names_and_addresses_as_addresses(host: str, address: bytes) -> None:
    assert talk(dialogue(proxy(SOCKS), host, 587), b"\5\0", DONE) == [b"\5\1\0", b"\5\1\0" + address + b"\x02\x4b"]


def test_socks_with_a_login() -> None:
    said = talk(dialogue(proxy(SOCKS, login=True), "192.0.2.9", 25), b"\5\2", b"\1\0", DONE)
    assert said[:2] == [b"\5\2\0\2", b"\1\x03zoe\x07hunter2"]


def test_socks_that_wants_no_login_is_told_none() -> None:
    assert len(talk(dialogue(proxy(SOCKS, login=True), "192.0.2.9", 25), b"\5\0", DONE)) == 2


@pytest.mark.parametrize("bound", [b"\1" + BOUND, b"\3\x05abcde\0\0", b"\3\0\0\0", b"\4" + bytes(18)])
def test_the_end_of_a_socks_reply_is_where_its_address_ends(bound: bytes) -> None:
    said = talk(dialogue(proxy(SOCKS), "192.0.2.9", 25), b"\5\0", b"\5\0\0" + bound)
    assert said == [b"\5\1\0", b"\5\1\0\1\xc0\0\2\x09\0\x19"]


@pytest.mark.parametrize(
    ("answers", "row"),
    [
        ([b"HT"], "C4"),
        ([b"\5\xff"], "C4"),
        ([b"\5\2"], "C4"),  # a method that was not offered
        ([b"\5\0", b"\5\1"], "C1"),
        ([b"\5\0", b"\5\2\0\1" + BOUND], "C4"),
        ([b"\5\0", b"\5\3\0\1" + BOUND], "C1"),
        ([b"\5\0", b"\5\4"], "C1"),
        ([b"\5\0", b"\5\5"], "C1"),
        ([b"\5\0", b"\5\6"], "C2"),
        ([b"\5\0", b"\5\7"], "C4"),
        ([b"\5\0", b"\5\x08"], "C4"),
        ([b"\5\0", b"\5\x63"], "C1"),
        ([b"\5\0", b"\5\0\0\7" + BOUND], "C4"),
        ([b"\5\0", b"220 h"], "C4"),
    ],
)
def test_what_a_socks_proxy_refuses_has_its_row(answers: list[bytes], row: str) -> None:
    assert refusal(dialogue(proxy(SOCKS), "relay.example", 25), *answers).row == row


def test_a_login_that_socks_refuses_is_for_an_operator() -> None:
    refused = refusal(dialogue(proxy(SOCKS, login=True), "relay.example", 25), b"\5\2", b"\1\1")
    assert (refused.row, str(refused)) == ("C4", "it refuses the user or the password")


# HTTP CONNECT -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("relay.example", b"relay.example:587"),
        ("192.0.2.9", b"192.0.2.9:587"),
        ("2001:db8::9", b"[2001:db8::9]:587"),
        ("bücher.example", b"xn--bcher-kva.example:587"),
    ],
)
def test_connect_names_the_host_twice(host: str, authority: bytes) -> None:
    (said,) = talk(dialogue(proxy(HTTP), host, 587), b"HTTP/1.1 200 Connection established\r\n\r\n")
    assert said == b"CONNECT " + authority + b" HTTP/1.1\r\nHost: " + authority + b"\r\n\r\n"


def test_connect_with_a_login() -> None:
    (said,) = talk(dialogue(proxy(HTTP, login=True), "relay.example", 25), b"HTTP/1.0 200 ok\r\nVia: x\r\n\r\n")
    assert b"\r\nProxy-Authorization: Basic " + base64.b64encode(b"zoe:hunter2") + b"\r\n\r\n" in said


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1 299 x\nA: b\n\n", b"HTTP/1.1 200 ok\r\nContent-Length: 9\r\n\r\n"]
)
def test_every_2xx_leads_through_from_the_blank_line_on(head: bytes) -> None:
    (said,) = talk(dialogue(proxy(HTTP), "relay.example", 25), head)
    assert said.startswith(b"CONNECT relay.example:25 ")


def test_interim_answers_are_passed_over() -> None:
    said = talk(dialogue(proxy(HTTP), "relay.example", 25), b"HTTP/1.1 103 wait\r\n\r\n", b"HTTP/1.1 200 ok\r\n\r\n")
    assert said[1] == b""


@pytest.mark.parametrize(
    ("head", "row"),
    [
        (b"HTTP/1.1 407 hunter2\r\nProxy-Authenticate: Basic\r\n\r\n", "C4"),
        (b"HTTP/1.1 403 no\r\n\r\n", "C4"),
        (b"HTTP/1.1 405 no\r\n\r\n", "C4"),
        (b"HTTP/1.1 302 there\r\n\r\n", "C4"),
        (b"HTTP/1.1 429 later\r\n\r\n", "C1"),
        (b"HTTP/1.1 502 no\r\n\r\n", "C1"),
        (b"HTTP/1.1 503 no\r\n\r\n", "C1"),
        (b"HTTP/1.1 504 late\r\n\r\n", "C2"),
        (b"HTTP/1.1 20x\r\n\r\n", "C4"),
        (b"HTTP/1.1 099 x\r\n\r\n", "C4"),
        (b"220 relay.example\r\n", "C4"),
        (b"2", "C4"),
        (b"HTTP/1.1 200 ok\r\n" + b"x" * MAX_HEAD, "C4"),
    ],
)
def test_what_an_http_proxy_refuses_has_its_row(head: bytes, row: str) -> None:
    assert refusal(dialogue(proxy(HTTP, login=True), "relay.example", 25), head).row == row


def test_a_head_just_within_its_bound_is_taken() -> None:
    head = b"HTTP/1.1 200 ok\r\n".ljust(MAX_HEAD - 4, b"x") + b"\r\n\r\n"
    assert len(head) == MAX_HEAD
    (said,) = talk(dialogue(proxy(HTTP), "relay.example", 25), head)
    assert said.startswith(b"CONNECT relay.example:25 ")


# what is refused before an octet is written ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ProxyKind)
@pytest.mark.parametrize(
    "host",
    [
        "", "relay.example\r\nX: y", "relay.example\n", "a b", "a\0", "a\x85b", "a:25", "a/b", "u@a", "a?b", "[::1]",
        "fe80::1%eth0", "fe80::1%\r\n", "x" * 64 + ".example", "a." * 150,
    ],
)  # fmt: skip
def test_law_5_a_host_that_is_none_never_reaches_the_proxy(kind: ProxyKind, host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        dialogue(proxy(kind), host, 25)


@pytest.mark.parametrize("kind", ProxyKind)
@pytest.mark.parametrize("text", ["a\r\nX: y", "a\0", "a\x1b", "a\udc80"])
def test_law_5_control_characters_in_a_proxys_values_are_refused(kind: ProxyKind, text: str) -> None:
    for values in [(text, 1080), ("proxy.example", 1080, text), ("proxy.example", 1080, "zoe", Secret(text))]:
        with pytest.raises(ValueError, match="control character") as caught:
            Proxy(kind, *values)
        assert text not in str(caught.value)


def test_what_a_login_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="255 octets"):
        Proxy(SOCKS, "proxy.example", 1080, "zoe", Secret("ü" * 128))
    with pytest.raises(ValueError, match="colon"):
        Proxy(HTTP, "proxy.example", 3128, "zo:e", Secret("x"))


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="65535"):
        Proxy(SOCKS, "proxy.example", port)
    with pytest.raises(ValueError, match="65535"):
        dialogue(proxy(SOCKS), "relay.example", port)


def test_a_proxy_never_shows_its_password() -> None:
    shown = proxy(HTTP, login=True)
    assert PASSWORD not in f"{shown!r}{shown}{shown.name}"
    assert "zoe" not in shown.name
