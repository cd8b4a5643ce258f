"""Every address of a host, side by side, on real sockets: addresses that refuse, swallow, or answer; nothing stays open."""

from __future__ import annotations

import errno
import os
import resource
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from notifier.errors import DeliveryError
from notifier.settings.relay import parse_relay
from notifier.smtp import Endpoint, Session, Timeouts, TLSPolicy
from notifier.smtp.deadline import Deadline
from notifier.smtp.race import ATTEMPT_DELAY, Race
from notifier.smtp.resolving import MOST_ADDRESSES, Address, Resolve
from notifier.smtp.stream import NetworkStream
from notifier.testing import CatchingServer

QUICK = Timeouts(connect=0.5)
AMPLE = Timeouts(connect=60)
RELAY = Endpoint("relay.example", 25, tls=TLSPolicy.NONE)
NO_ROUTE = Address(socket.AF_INET, ("255.255.255.255", 25))  # TCP has no way to a broadcast address: nothing is sent


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are what is wanted


@pytest.fixture(autouse=True)
def no_descriptor_stays_open() -> Iterator[None]:
    before = len(open_descriptors())
    yield
    end = time.monotonic() + 5
    while len(open_descriptors()) > before and time.monotonic() < end:
        time.sleep(0.01)  # a server's threads close theirs a moment later
    assert len(open_descriptors()) <= before


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


FAMILIES = [
    pytest.param(
        socket.AF_INET6, marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this host's loopback"), id="IPv6"
    ),
    pytest.param(socket.AF_INET, id="IPv4"),
]


@contextmanager
def answering(host: str = "127.0.0.1") -> Iterator[tuple[Address, socket.socket]]:
    with socket.create_server((host, 0), family=family_of(host)) as listener:
        listener.settimeout(5)
        yield Address(listener.family, listener.getsockname()), listener


@contextmanager
def sleeping(family: int = socket.AF_INET) -> Iterator[tuple[Address, socket.socket]]:
    """A listener whose backlog is full: the system throws away every SYN that comes now."""
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen(0)
        fillers = [socket.socket(family) for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.05)
        try:
            yield Address(family, listener.getsockname()), listener
        finally:
            for filler in fillers:
                filler.close()


@contextmanager
def silent(family: int = socket.AF_INET) -> Iterator[Address]:
    """An address that swallows everything."""
    with sleeping(family) as (address, _):
        yield address


def refusing(count: int = 1) -> list[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return [Address(socket.AF_INET, (f"127.0.1.{number}", port)) for number in range(1, count + 1)]


def family_of(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def knowing(*addresses: Address) -> Resolve:
    return lambda host, port: addresses


def reached(*addresses: Address, **changes: Any) -> tuple[str, int]:
    """Whom we are connected to; the connection is closed again."""
    stream = NetworkStream.connect(replace(RELAY, **changes), knowing(*addresses))
    try:
        return stream._socket.getpeername()[:2]
    finally:
        stream.close()


def failure(*addresses: Address, **changes: Any) -> DeliveryError:
    before = open_descriptors()
    with pytest.raises(DeliveryError) as caught:
        NetworkStream.connect(replace(RELAY, **changes), knowing(*addresses))
    assert open_descriptors() == before
    return caught.value


# which address -------------------------------------------------------------------------------------------------------


@dataclass
class Attempts:
    """Whom this process has begun to connect to, in that order. The attempts go on, even if the race has closed its own
    descriptor of them.
    """

    begun: list[Any] = field(default_factory=list)
    kept: list[socket.socket] = field(default_factory=list)

    def still_pending(self) -> list[Any]:
        """Those that have neither failed nor come to an end."""
        found = zip(self.begun, self.kept, strict=True)
        return [sockaddr for sockaddr, sock in found if sock.connect_ex(sockaddr) == errno.EALREADY]


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Attempts]:
    connect, seen = socket.socket.connect, Attempts()

    def begin(sock: socket.socket, sockaddr: Any) -> None:
        seen.begun.append(sockaddr)
        seen.kept.append(sock.dup())
        connect(sock, sockaddr)

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect", begin)
        yield seen
    for sock in seen.kept:
        sock.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_next_address_is_tried_while_one_that_swallows_everything_is_still_waited_for(
    family: int, attempts: Attempts
) -> None:
    """So it costs the pause between two attempts, and nothing of the time for connecting."""
    assert ATTEMPT_DELAY < 1
    with answering() as (address, _), silent(family) as hole:
        assert reached(hole, address, timeouts=AMPLE) == address.sockaddr[:2]
        assert attempts.begun == [hole.sockaddr, address.sockaddr]
        assert attempts.still_pending() == [hole.sockaddr]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_relay_greets_while_another_of_its_addresses_still_swallows_everything(
    family: int, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent(family) as hole, CatchingServer("127.0.0.1") as server:
        addresses = [hole, Address(socket.AF_INET, ("127.0.0.1", server.port))]
        found = [(address.family, socket.SOCK_STREAM, 6, "", address.sockaddr) for address in addresses]
        # The system's own resolver cannot be told such an answer; all behind it is real.
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
        relay = parse_relay(server.url.replace("127.0.0.1", "localhost")).endpoint
        with Session.open(replace(relay, timeouts=AMPLE)) as session:
            assert session.tls is not None
            assert attempts.begun == [address.sockaddr for address in addresses]
            assert attempts.still_pending() == [hole.sockaddr]


def test_the_first_address_that_answers_is_the_only_one_that_is_connected_to() -> None:
    with answering() as (first, _), answering() as (second, listener):
        assert reached(first, second) == first.sockaddr
        listener.settimeout(0.4)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_refusal_begins_the_next_attempt_at_once() -> None:
    with answering() as (address, _):
        never_in_the_time = AMPLE.connect + 1
        race = Race([*refusing(MOST_ADDRESSES - 1), address], Deadline.after(AMPLE.connect), delay=never_in_the_time)
        winner = race.winner()
        assert winner is not None, "the time was over"
        with winner:
            assert winner.getpeername() == address.sockaddr
        assert len(race.failures) == MOST_ADDRESSES - 1


def test_a_name_with_many_addresses_is_tried_so_often_and_no_more() -> None:
    with answering() as (address, _):
        assert failure(*refusing(MOST_ADDRESSES), address).taxonomy_id == "C1"


def test_in_a_short_time_every_address_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    short = Timeouts(connect=8)
    monkeypatch.setattr("notifier.smtp.connecting.ATTEMPT_DELAY", short.connect + 1)  # beside it the time is short
    with silent() as first, answering() as (address, _):
        assert reached(first, address, timeouts=short) == address.sockaddr


def test_an_address_that_wakes_up_late_still_wins() -> None:
    """Its attempt goes on beside those that began behind it."""

    def wake(listener: socket.socket) -> None:
        listener.settimeout(0.1)
        while not over.is_set():
            with suppress(TimeoutError):
                listener.accept()[0].close()

    over = threading.Event()

    with sleeping() as (sleeper, listener), silent() as hole:
        waking = threading.Timer(0.4, wake, [listener])
        waking.start()
        try:
            assert reached(sleeper, hole) == sleeper.sockaddr
        finally:
            over.set()
            waking.join()


def test_the_socket_is_ready_for_a_session() -> None:
    with answering() as (address, _):
        stream = NetworkStream.connect(RELAY, knowing(address))
        sock = stream._socket
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        stream.close()


# what failed ----------------------------------------------------------------------------------------------------------


def test_c1_all_refuse() -> None:
    error = failure(*refusing(3))
    assert error.taxonomy_id == "C1"
    assert "refused" in str(error)
    assert "3 failures" in str(error)


@pytest.mark.parametrize("family", FAMILIES)
def test_c2_all_are_silent_and_the_time_is_kept(family: int) -> None:
    with silent(family) as one, silent(family) as other:
        began = time.monotonic()
        assert failure(one, other, timeouts=QUICK).taxonomy_id == "C2"
        assert time.monotonic() - began < 30  # the system's own time for a connection is over two minutes


def test_a_refusal_tells_more_than_silence_and_silence_more_than_a_missing_route() -> None:
    with silent() as hole:
        # The refusal comes first: no time passes before it, and it is not what was met last.
        assert failure(*refusing(), hole, NO_ROUTE, timeouts=QUICK).taxonomy_id == "C1"
        assert failure(NO_ROUTE, hole, timeouts=QUICK).taxonomy_id == "C2"
    assert "refused" in str(failure(NO_ROUTE, *refusing()))
    assert failure(NO_ROUTE).taxonomy_id == "C1"


def test_a_family_that_this_host_does_not_have_is_passed_by() -> None:
    unknown = Address(socket.AF_APPLETALK, ("::1", 25))
    with answering() as (address, _):
        assert reached(unknown, address) == address.sockaddr
    assert failure(unknown).taxonomy_id == "C1"


def test_c3_a_local_shortage_stops_at_once_and_closes_what_was_begun() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with silent() as hole, answering() as (address, _):
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, hard))  # one more, and then none
        try:
            with pytest.raises(DeliveryError) as caught:
                NetworkStream.connect(RELAY, knowing(hole, address))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caught.value.taxonomy_id == "C3"


def test_d3_a_resolver_that_takes_all_the_time_is_not_told_as_a_silent_host() -> None:
    def slow(host: str, port: int) -> Iterable[tuple[int, Any]]:
        time.sleep(0.1)
        return refusing()

    with pytest.raises(DeliveryError) as caught:
        NetworkStream.connect(replace(RELAY, timeouts=Timeouts(connect=0.05)), slow)
    assert caught.value.taxonomy_id == "D3"


def test_a_unix_socket_is_connected_to_or_told(tmp_path: Path) -> None:
    path = str(tmp_path / "lmtp")
    assert failure(socket_path=path).taxonomy_id == "C1"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        stream = NetworkStream.connect(replace(RELAY, socket_path=path))
        assert stream.is_loopback
        stream.close()


def test_a_host_whose_resolver_knows_a_unix_socket_is_connected_to(tmp_path: Path) -> None:
    path = str(tmp_path / "smtp")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        NetworkStream.connect(RELAY, lambda host, port: [(socket.AF_UNIX, path)]).close()


class Interrupted(BaseException):
    """As a hard time limit, or gevent's."""


def test_what_breaks_off_an_attempt_leaves_nothing_open() -> None:
    def interrupt(_: socket.socket) -> None:
        if len(seen := [*begun, 1]) > 2:
            raise Interrupted
        begun[:] = seen

    begun: list[int] = []
    with silent() as one, silent() as two, silent() as three:
        before = open_descriptors()
        with pytest.raises(Interrupted):
            Race([one, two, three], Deadline.after(5), delay=0.01, prepare=interrupt).winner()
        assert open_descriptors() == before


# the source address -------------------------------------------------------------------------------------------------


def test_the_source_address_is_what_the_server_sees() -> None:
    with answering() as (address, listener):
        stream = NetworkStream.connect(replace(RELAY, source_address="127.0.0.9"), knowing(address))
        accepted, peer = listener.accept()
        assert peer[0] == "127.0.0.9"
        accepted.close()
        stream.close()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this host's loopback")
def test_addresses_of_another_family_than_the_source_are_passed_by() -> None:
    with answering("::1") as (six, _), answering() as (four, _):
        assert reached(six, four, source_address="127.0.0.9") == four.sockaddr
        assert reached(four, six, source_address="::1") == six.sockaddr[:2]
        error = failure(six, source_address="127.0.0.9")
    assert error.taxonomy_id == "C4"
    assert "family" in str(error)


@pytest.mark.parametrize("source", ["192.0.2.1", "here", "127.0.0.1\r\n"])
def test_c4_a_source_address_that_is_not_ours_is_never_exchanged_for_another(source: str) -> None:
    with answering() as (address, listener):
        assert failure(address, *refusing(), source_address=source).taxonomy_id == "C4"
        listener.settimeout(0.1)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_the_tests_silent_host_is_silent() -> None:
    with silent() as hole, socket.socket() as sock:
        sock.setblocking(False)
        assert sock.connect_ex(hole.sockaddr) == errno.EINPROGRESS
        time.sleep(0.1)
        assert sock.connect_ex(hole.sockaddr) == errno.EALREADY
