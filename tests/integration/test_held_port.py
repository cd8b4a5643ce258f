"""A held port: a server may listen at it, as often as it likes, and the system gives it to nobody else."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from notifier.testing import CatchingServer
from notifier.testing.held_port import HeldPort

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing can be held")
LOCAL_PORT_RANGE = 51  # IP_LOCAL_PORT_RANGE of Linux 6.3, which the socket module has no name for


@pytest.fixture
def held() -> Iterator[HeldPort]:
    port = HeldPort()
    yield port
    port.release()


@contextmanager
def asking_for_any_but_given_only(number: int) -> Iterator[socket.socket]:
    """A socket that the system would give this one port, and no other."""
    asking = socket.socket()
    with asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        only = number | number << 16
        try:
            asking.setsockopt(socket.IPPROTO_IP, LOCAL_PORT_RANGE, only.to_bytes(4, sys.byteorder))
        except OSError:
            pytest.skip("this kernel does not let a socket say which ports it may be given")
        yield asking


@pytest.fixture
def asking_for_any(held: HeldPort) -> Iterator[socket.socket]:
    with asking_for_any_but_given_only(held.number) as asking:
        yield asking


def test_a_server_that_is_told_the_port_may_listen_at_it_again_and_again(held: HeldPort) -> None:
    for _ in range(2):
        with (
            socket.create_server(("127.0.0.1", held.number)) as server,
            socket.create_connection(server.getsockname(), timeout=10),
        ):
            server.accept()[0].close()


def test_nobody_who_listens_at_any_port_is_given_it(held: HeldPort, asking_for_any: socket.socket) -> None:
    with pytest.raises(OSError, match="in use"):
        asking_for_any.bind(("127.0.0.1", 0))
    held.release()
    asking_for_any.bind(("127.0.0.1", 0))


def test_nobody_who_connects_from_any_port_is_given_it(asking_for_any: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(OSError, match="assign"):
        asking_for_any.connect(server.getsockname())


def test_nobody_is_given_the_port_of_a_catching_server_that_is_stopped_and_comes_back() -> None:
    with CatchingServer(starttls=False) as server, asking_for_any_but_given_only(server.port) as asking:
        server.stop()
        with pytest.raises(OSError, match="in use"):
            asking.bind((server.host, 0))
        server.start()
        server.close()
        asking.bind((server.host, 0))
