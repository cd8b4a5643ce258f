"""MTA-STS policies over real HTTPS: what is asked, what is taken, and what never ends is ended."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from authority import Authority
from dns_server import DNSServer
from policy_server import POLICY, PolicyServer, answer

from notifier.smtp.deadline import Deadline
from notifier.smtp.mx.hosts import Hosts
from notifier.smtp.mx.resolver import Resolver
from notifier.smtp.mx.screen import Screen
from notifier.smtp.mx.sts_fetch import MOST_OCTETS, PolicyFetcher, PolicyUnavailable
from notifier.smtp.mx.sts_policy import Policy
from notifier.smtp.resolving import Address, Resolve

DOMAIN = "example.test"
HOST = f"mta-sts.{DOMAIN}"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def no_descriptor_stays_open() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is what is wanted
    yield
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def here(host: str, port: int) -> list[Address]:
    return [Address(socket.AF_INET, ("127.0.0.1", port))]


def fetch(server: PolicyServer, authority: Authority, resolve: Resolve = here, seconds: float = 10) -> Policy:
    return PolicyFetcher(resolve, str(authority.ca_file), server.port).fetch(DOMAIN, Deadline.after(seconds))


def fails(server: PolicyServer, authority: Authority, seconds: float = 10) -> str:
    with pytest.raises(PolicyUnavailable) as caught:
        fetch(server, authority, seconds=seconds)
    assert str(caught.value).startswith(f"{HOST}: ")
    return str(caught.value)


def test_the_policy_is_where_the_rfc_says_it_is(authority: Authority) -> None:
    with PolicyServer(authority.issue(HOST)) as server:
        assert fetch(server, authority) == Policy.parse(POLICY.encode())
    line, *headers = server.heard[0].decode().split("\r\n")
    assert line == "GET /.well-known/mta-sts.txt HTTP/1.1"
    assert f"Host: {HOST}" in headers
    assert "Connection: close" in headers


@pytest.mark.parametrize(
    "octets",
    [
        answer(kind="text/plain; charset=utf-8"),
        answer(kind="TEXT/Plain"),
        CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(POLICY), POLICY.encode()),
        CHUNKED + b"a\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (POLICY[:10].encode(), len(POLICY) - 10, POLICY[10:].encode()),
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(),
    ],
)
def test_an_answer_may_come_in_any_form_that_http_has(octets: bytes, authority: Authority) -> None:
    with PolicyServer(authority.issue(HOST), octets) as server:
        assert fetch(server, authority) == Policy.parse(POLICY.encode())


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (answer(status="301 Moved\r\nLocation: https://evil.test/"), "301"),
        (answer(status="302 Found\r\nLocation: /elsewhere"), "302"),
        (answer(status="404 Not Found"), "404"),
        (answer(status="500 Oops"), "500"),
        (answer(status="204 No Content"), "204"),
        (answer(kind="text/html"), "text/plain"),
        (answer(kind=None), "text/plain"),
        (answer("<html>"), "no field"),
        (answer(""), "no field"),
        (answer(POLICY.replace("enforce", "maybe")), "mode"),
        (answer(length=len(POLICY) + 1), "1 octets of the policy did not come"),
        (answer(length=-1), "length"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + POLICY.encode(), "cut off"),
        (CHUNKED + b"%x\r\n%s\r\n" % (len(POLICY), POLICY.encode()), "IncompleteRead"),
        (CHUNKED + b"zz\r\n", "IncompleteRead"),
        (answer(POLICY + f"note: {'x' * MOST_OCTETS}\n"), "over 65536"),
        (b"220 mx.example.test ESMTP\r\n", "220"),
        (b"\x00" * 100, HOST),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "100 headers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, HOST),
    ],
)
def test_what_is_not_the_policy_itself_is_none(octets: bytes, words: str, authority: Authority) -> None:
    with PolicyServer(authority.issue(HOST), octets) as server:
        assert words in fails(server, authority)


def for_ever(octets: bytes, pause: float) -> Callable[[ssl.SSLSocket], None]:
    def say(client: ssl.SSLSocket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n")
        with suppress(OSError):
            ends = time.monotonic() + 30  # if nobody ends it before
            while time.monotonic() < ends:
                client.sendall(octets)
                time.sleep(pause)

    return say


@pytest.mark.parametrize(
    ("octets", "pause", "seconds", "words"), [(b"#", 0.05, 0.4, "in time"), (b"#" * 16384, 0.0, 20, "over 65536")]
)
def test_what_drips_is_ended_by_the_deadline_and_what_floods_by_its_size(
    octets: bytes, pause: float, seconds: float, words: str, authority: Authority
) -> None:
    with PolicyServer(authority.issue(HOST), for_ever(octets, pause)) as server:
        assert words in fails(server, authority, seconds)


def test_a_server_that_says_nothing_is_left(authority: Authority) -> None:
    left = threading.Event()

    def wait_for_the_end(client: ssl.SSLSocket) -> None:
        client.recv(1)
        left.set()

    with PolicyServer(authority.issue(HOST), wait_for_the_end) as server:
        assert "in time" in fails(server, authority, 0.3)
        assert left.wait(10)


def test_what_speaks_no_tls_is_no_policy_server(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def say() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(answer())
                connection.recv(1000)

        thread = threading.Thread(target=say)
        thread.start()
        with pytest.raises(PolicyUnavailable):
            PolicyFetcher(here, str(authority.ca_file), port).fetch(DOMAIN, Deadline.after(5))
        thread.join(10)


@pytest.mark.parametrize(
    ("names", "options"), [(("example.test",), {}), (("mta-sts.other.test",), {}), ((HOST,), {"expired": True})]
)
def test_a_certificate_that_is_not_the_policy_hosts_is_no_policy(
    names: tuple[str, ...], options: dict[str, bool], authority: Authority
) -> None:
    with PolicyServer(authority.issue(*names, **options)) as server:
        assert "certificate" in fails(server, authority).lower()
        assert server.heard == []


def test_an_authority_that_we_do_not_know_vouches_for_nothing(tmp_path: Path, authority: Authority) -> None:
    with PolicyServer(Authority(tmp_path, "stranger").issue(HOST)) as server:
        assert "certificate" in fails(server, authority).lower()


def test_the_policys_host_is_screened_as_mx_hosts_are(authority: Authority) -> None:
    """Its address is a stranger's choice as well: no octet goes to what only we can reach."""
    with DNSServer() as dns, PolicyServer(authority.issue(HOST)) as server:
        dns.add(HOST, "A", "127.0.0.1")
        hosts = Hosts(Resolver([("127.0.0.1", dns.port)]), Screen())
        with pytest.raises(PolicyUnavailable, match="D6"):
            fetch(server, authority, hosts.resolve)
        assert server.heard == []
