"""Sessions through real SOCKS5 and CONNECT servers, with TLS and pinned keys; proxies that refuse, drip and break off."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

import pytest
from real_servers.ground import held_ports

from notifier.errors import DeliveryError
from notifier.model.envelope import Envelope, MailObject
from notifier.model.secret import Secret
from notifier.settings.relay import parse_relay
from notifier.smtp import Endpoint, Proxy, ProxyKind, Session, Timeouts, TLSPolicy
from notifier.smtp.pinning import pin_of
from notifier.smtp.probe import probe
from notifier.testing import CatchingServer, HostileServer

USER, PASSWORD = "zoë", "hunter2: é"
MAIL = MailObject(Envelope("s@x.example", ("a@x.example",)), b"Subject: hi\r\n\r\nhello\r\n")
QUICK = Timeouts(connect=0.5)
CLEAR = Endpoint("relay.invalid", 25, tls=TLSPolicy.NONE)
OTHER_PIN = f"sha256/{'A' * 43}="


@pytest.fixture(autouse=True)
def no_descriptor_stays_open() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is what is wanted
    yield
    end = time.monotonic() + 5
    while len(os.listdir("/proc/self/fd")) > before and time.monotonic() < end:  # noqa: PTH208
        time.sleep(0.01)  # a server's threads close theirs a moment later
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


class ProxyServer:
    """Leads every name to ``relay``. Its last answer goes out in one piece with the relay's greeting.

    ``login``: with USER and PASSWORD alone. ``greeting``: False where the relay waits for our first octet. ``asked``: the hosts and ports; ``heard``: what came before the tunnel.
    """

    kind: ProxyKind
    done: bytes

    def __init__(
        self,
        relay: tuple[str, int] | None = None,
        *,
        login: bool = False,
        greeting: bool = True,
        say: Callable[[socket.socket, bytes], None] = socket.socket.sendall,
    ) -> None:
        self.relay, self.login, self.greeting, self.say = relay, login, greeting, say
        self.asked: list[tuple[str, int]] = []
        self.heard = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    def proxy(self, username: str | None = None, password: str | None = None) -> Proxy:
        port = self._listener.getsockname()[1]
        return Proxy(self.kind, "localhost", port, username, None if password is None else Secret(password))

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()
        self._listener.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                self._open.append(accepted)
                self._start(self._serve, accepted)

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, EOFError):
            self.lead(client)
            assert self.relay is not None
            with socket.create_connection(self.relay, 5) as upstream:
                upstream.settimeout(None)
                self._open.append(upstream)
                self.say(client, self.done + (upstream.recv(4096) if self.greeting else b""))
                back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
                back.start()
                pump(client, upstream)
                back.join(5)

    def lead(self, client: socket.socket) -> None:
        """Talk as far as the last answer; raise `EOFError` after a refusal."""
        raise NotImplementedError

    def take(self, client: socket.socket, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            if not (more := client.recv(count - len(octets))):
                raise EOFError
            octets += more
            self.heard += more
        return octets

    def refuse(self, client: socket.socket, answer: bytes) -> None:
        client.sendall(answer)
        raise EOFError


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while octets := source.recv(4096):
            target.sendall(octets)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class SocksServer(ProxyServer):
    kind = ProxyKind.SOCKS5
    done = b"\5\0\0\1\x7f\0\0\1\4\0"

    def lead(self, client: socket.socket) -> None:
        version, count = self.take(client, 2)
        assert version == 5
        wanted = 2 if self.login else 0
        if wanted not in self.take(client, count):
            self.refuse(client, b"\5\xff")
        client.sendall(bytes([5, wanted]))
        if self.login:
            user = self.take(client, self.take(client, 2)[1]).decode()
            password = self.take(client, self.take(client, 1)[0]).decode()
            if (user, password) != (USER, PASSWORD):
                self.refuse(client, b"\1\1")
            client.sendall(b"\1\0")
        self.asked.append(self._target(client))
        if self.relay is None:
            self.refuse(client, b"\5\5\0\1" + bytes(6))

    def _target(self, client: socket.socket) -> tuple[str, int]:
        kind = self.take(client, 4)[3]
        if kind == 3:
            host = self.take(client, self.take(client, 1)[0]).decode("ascii")
        else:
            host = socket.inet_ntop(
                *((socket.AF_INET, self.take(client, 4)) if kind == 1 else (socket.AF_INET6, self.take(client, 16)))
            )
        return host, int.from_bytes(self.take(client, 2), "big")


class ConnectServer(ProxyServer):
    kind = ProxyKind.HTTP
    done = b"HTTP/1.1 200 Connection established\r\nVia: a test\r\n\r\n"

    def lead(self, client: socket.socket) -> None:
        while not self.heard.endswith(b"\r\n\r\n"):
            self.take(client, 1)
        request, *headers = self.heard.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        verb, authority, version = request.split(" ")
        assert (verb, version, headers[0]) == ("CONNECT", "HTTP/1.1", f"Host: {authority}")
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.login and headers[1:] != [f"Proxy-Authorization: Basic {expected}"]:
            self.refuse(client, f"HTTP/1.1 407 not {PASSWORD}\r\nContent-Length: 0\r\n\r\n".encode())
        host, _, port = authority.rpartition(":")
        self.asked.append((host.strip("[]"), int(port)))
        if self.relay is None:
            self.refuse(client, b"HTTP/1.1 502 Bad gateway\r\n\r\n")


KINDS = pytest.mark.parametrize("kind", [SocksServer, ConnectServer])


def where(server: CatchingServer | HostileServer) -> tuple[str, int]:
    return server.host, server.port


def failure(endpoint: Endpoint) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        Session.open(endpoint)
    shown = f"{caught.value!r}{caught.value}{caught.value.__cause__!r}"
    assert PASSWORD not in shown
    assert base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode() not in shown
    return caught.value


# through ---------------------------------------------------------------------------------------------------------------


@KINDS
def test_a_name_that_only_the_proxy_knows(kind: type[ProxyServer]) -> None:
    with HostileServer() as relay, kind(where(relay)) as server:
        with Session.open(replace(CLEAR, proxy=server.proxy())) as session:
            (outcome,) = session.send_many([MAIL])
        assert outcome.recipients["a@x.example"].state == "accepted"
        assert server.asked == [("relay.invalid", 25)]


@KINDS
@pytest.mark.parametrize("host", ["192.0.2.77", "2001:db8::77", "xn--bcher-kva.example"])
def test_addresses_and_names_arrive_as_they_are(kind: type[ProxyServer], host: str) -> None:
    with HostileServer() as relay, kind(where(relay)) as server:
        Session.open(replace(CLEAR, host=host, port=2525, proxy=server.proxy())).close()
        assert server.asked == [(host, 2525)]


@KINDS
def test_starttls_a_pin_and_both_logins_through_a_proxy(kind: type[ProxyServer]) -> None:
    with CatchingServer(credentials={"relays": "own"}) as relay, kind(where(relay), login=True) as server:
        direct = parse_relay(relay.url).endpoint
        shown = str(failure(replace(direct, pins=(OTHER_PIN,)))).rpartition(" ")[2]
        endpoint = replace(
            direct,
            host="localhost",
            pins=(OTHER_PIN, shown),
            proxy=server.proxy(USER, PASSWORD),
            username="relays",
            password=Secret("own"),
        )
        with Session.open(endpoint) as session:
            (outcome,) = session.send_many([MAIL])
            assert outcome.tls is not None
            assert PASSWORD not in f"{session!r}{endpoint!r}"
        assert [caught.data for caught in relay.mailbox] == [MAIL.data]
        assert server.asked == [("localhost", relay.port)]


@KINDS
def test_implicit_tls_through_a_proxy(kind: type[ProxyServer]) -> None:
    """A relay that waits for our first octet: the proxy's answer comes alone."""

    with CatchingServer(implicit_tls=True) as relay, kind(where(relay), greeting=False) as server:
        endpoint = replace(parse_relay(relay.url).endpoint, proxy=server.proxy())
        with Session.open(endpoint) as session:
            assert session.tls is not None
            assert next(iter(session.send_many([MAIL]))).recipients["a@x.example"].state == "accepted"


@KINDS
def test_a_proxy_on_loopback_makes_no_loopback_of_the_relay(kind: type[ProxyServer]) -> None:
    """What lies behind it may be the other end of the world: no password in clear text."""
    with HostileServer(offers=("AUTH PLAIN",)) as relay:
        login = replace(CLEAR, host=relay.host, port=relay.port, username="relays", password=Secret("own"))
        with kind(where(relay)) as server:
            assert failure(replace(login, proxy=server.proxy())).taxonomy_id == "A3"
        assert not relay.auth_in_clear


@KINDS
def test_law_11_a_password_goes_in_clear_text_where_the_caller_allows_it(kind: type[ProxyServer]) -> None:
    with HostileServer(offers=("AUTH PLAIN",)) as relay:
        login = replace(CLEAR, host=relay.host, port=relay.port, username="relays", password=Secret("own"))
        with kind(where(relay)) as server:
            Session.open(replace(login, proxy=server.proxy(), clear_auth=True)).close()
        assert relay.auth_in_clear


@KINDS
def test_the_source_address_is_that_of_the_way_to_the_proxy(kind: type[ProxyServer]) -> None:
    with HostileServer() as relay, kind(where(relay)) as server:
        endpoint = replace(CLEAR, proxy=server.proxy(), source_address="127.0.0.9")
        with Session.open(endpoint):
            assert server._open[0].getpeername()[0] == "127.0.0.9"


@KINDS
def test_two_sessions_through_two_proxies_are_two_endpoints(kind: type[ProxyServer]) -> None:
    with kind() as one, kind() as other:
        assert replace(CLEAR, proxy=one.proxy()) != replace(CLEAR, proxy=other.proxy())
        assert replace(CLEAR, proxy=one.proxy("a", "b")) == replace(CLEAR, proxy=one.proxy("a", "b"))


def test_a_probe_goes_through_the_proxy_too() -> None:
    with HostileServer() as relay, SocksServer(where(relay)) as server:
        assert probe(replace(CLEAR, proxy=server.proxy())).faults == ()
        assert server.asked == [("relay.invalid", 25)]


# refused ----------------------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("login", [(), (USER, "wrong"), ("", PASSWORD)])
def test_c4_a_proxy_that_refuses_the_login(kind: type[ProxyServer], login: tuple[str, ...]) -> None:
    with kind(("127.0.0.1", 9), login=True) as server:
        error = failure(replace(CLEAR, proxy=server.proxy(*login)))
        assert error.taxonomy_id == "C4"
        assert server.proxy().name in str(error)
        assert server.asked == []


@KINDS
def test_c1_a_proxy_that_does_not_reach_the_relay(kind: type[ProxyServer]) -> None:
    with kind(None) as server:
        error = failure(replace(CLEAR, proxy=server.proxy()))
        assert error.taxonomy_id == "C1"
        assert f"through {server.proxy().name}" in str(error)


@KINDS
def test_c1_a_proxy_that_is_not_there(kind: type[ProxyServer]) -> None:
    with held_ports(1) as (port,):
        error = failure(replace(CLEAR, proxy=Proxy(kind.kind, "127.0.0.1", port, USER, Secret(PASSWORD))))
    assert error.taxonomy_id == "C1"
    assert f"to the proxy {kind.kind}://127.0.0.1:{port}" in str(error)


@KINDS
def test_d1_a_proxy_whose_name_is_not_known(kind: type[ProxyServer]) -> None:
    error = failure(replace(CLEAR, proxy=Proxy(kind.kind, "x" * 64 + ".invalid", 1080)))
    assert error.taxonomy_id == "D1"


@KINDS
def test_law_5_nothing_is_written_for_a_host_that_no_proxy_can_know(kind: type[ProxyServer]) -> None:
    """A zone is of this host. What is no host at all makes no endpoint."""
    with kind(("127.0.0.1", 9)) as server:
        assert failure(replace(CLEAR, host="fe80::1%lo", proxy=server.proxy())).taxonomy_id == "D1"
        assert (server.heard, server._open) == (b"", [])


@KINDS
def test_another_server_is_told_from_a_proxy_at_once(kind: type[ProxyServer]) -> None:
    with HostileServer() as relay:
        proxy = Proxy(kind.kind, relay.host, relay.port)
        error = failure(replace(CLEAR, proxy=proxy))
    assert error.taxonomy_id == "C4"
    assert "is spoken there" in str(error)


# pins -------------------------------------------------------------------------------------------------------------------


def test_l2_a_key_that_is_not_pinned_is_refused_and_told() -> None:
    with CatchingServer() as relay:
        endpoint = parse_relay(relay.url).endpoint
        error = failure(replace(endpoint, pins=(OTHER_PIN,)))
        assert error.taxonomy_id == "L2"
        assert "the server's key is none of the pinned ones" in str(error)
        der = ssl.PEM_cert_to_DER_cert(fetched(relay))
        shown = str(pin_of(der))
        assert shown in str(error)
        Session.open(replace(endpoint, pins=(OTHER_PIN, shown.replace("sha256/", "sha256//")))).close()


def fetched(relay: CatchingServer) -> str:
    """The certificate, taken by the standard library alone."""
    with socket.create_connection(where(relay), 5) as sock:
        for line in (b"", b"EHLO here\r\n", b"STARTTLS\r\n"):
            sock.sendall(line)
            sock.recv(4096)
        context = ssl.create_default_context(cafile=relay.ca_file)
        with context.wrap_socket(sock, server_hostname=relay.host) as encrypted:
            return ssl.DER_cert_to_PEM_cert(encrypted.getpeercert(binary_form=True) or b"")


def test_a_pin_is_no_substitute_for_trust() -> None:
    with CatchingServer() as relay:
        endpoint = parse_relay(relay.url).endpoint
        pinned = replace(endpoint, pins=(str(pin_of(ssl.PEM_cert_to_DER_cert(fetched(relay)))),))
        assert failure(replace(pinned, ca_file=None)).taxonomy_id == "L2"
        assert "not accepted" in str(failure(replace(pinned, ca_file=None)))


def test_whoever_strips_starttls_is_not_rid_of_the_pin() -> None:
    with CatchingServer(starttls=False) as relay:
        endpoint = replace(parse_relay(relay.url).endpoint, tls=TLSPolicy.OPPORTUNISTIC, pins=(OTHER_PIN,))
        assert failure(endpoint).taxonomy_id == "S1"


# broken off, dripping, silent -----------------------------------------------------------------------------------------------


@contextmanager
def saying(answer: bytes, *, pause: float | None = None) -> Iterator[int]:
    """Takes one connection and says so, at once or by octets; then it waits for its end. ``pause``: seconds."""

    def serve() -> None:
        with suppress(OSError), listener.accept()[0] as client:
            client.settimeout(5)
            for piece in [answer] if pause is None else [answer[n : n + 1] for n in range(len(answer))]:
                client.sendall(piece)
                time.sleep(pause or 0)
            if pause is None:
                return
            while client.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("kind", ProxyKind)
def test_c5_a_proxy_that_hangs_up(kind: ProxyKind) -> None:
    with saying(b"") as port:
        error = failure(replace(CLEAR, proxy=Proxy(kind, "127.0.0.1", port)))
    assert error.taxonomy_id == "C5"


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (ProxyKind.SOCKS5, b"\5"),
        (ProxyKind.SOCKS5, b"\5\0\5\0\0\3\xff" + b"x" * 257),
        (ProxyKind.HTTP, b"HTTP/1.1 200 ok\r\nX: " + b"x" * 200 + b"\r\n\r\n"),
        (ProxyKind.HTTP, b"HTTP/1.1 100 wait\r\n\r\n" * 20 + b"HTTP/1.1 200 ok\r\n\r\n"),
    ],
)
def test_c2_a_proxy_that_drips_keeps_nobody(kind: ProxyKind, answer: bytes) -> None:
    """Its answer would be whole, and good, after seconds: whoever waited so long would have no error."""
    with saying(answer, pause=0.02) as port:
        error = failure(replace(CLEAR, proxy=Proxy(kind, "127.0.0.1", port), timeouts=QUICK))
    assert error.taxonomy_id == "C2"


@KINDS
def test_a_proxy_that_drips_within_the_time_is_waited_for(kind: type[ProxyServer]) -> None:
    def drip(client: socket.socket, octets: bytes) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in octets:
            client.sendall(bytes([octet]))
            time.sleep(0.002)

    with HostileServer() as relay, kind(where(relay), say=drip) as server:
        with Session.open(replace(CLEAR, proxy=server.proxy())) as session:
            (outcome,) = session.send_many([MAIL])
        assert outcome.recipients["a@x.example"].state == "accepted"


def test_an_endless_head_is_given_up() -> None:
    with saying(b"HTTP/1.1 200 ok\r\n" + b"X-Flood: y\r\n" * 10_000) as port:
        error = failure(replace(CLEAR, proxy=Proxy(ProxyKind.HTTP, "127.0.0.1", port)))
    assert error.taxonomy_id in ("C4", "C5")  # C5 where the flood meets our closed end


@pytest.mark.parametrize("kind", ProxyKind)
def test_c2_a_proxy_that_never_answers(kind: ProxyKind) -> None:
    with saying(b"", pause=0) as port:
        error = failure(replace(CLEAR, proxy=Proxy(kind, "127.0.0.1", port), timeouts=QUICK))
    assert error.taxonomy_id == "C2"
