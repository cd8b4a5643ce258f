"""A connection that is reset just before TLS begins."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import struct

import pytest

from notifier.smtp.wrapping import wrapped

pytestmark = pytest.mark.unit


@pytest.fixture
def was_reset() -> socket.socket:
    """A client's socket whose server has reset the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=10)
        server, _ = listening.accept()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    return client


def test_it_is_told_and_no_descriptor_is_left_open(was_reset: socket.socket) -> None:
    descriptor = was_reset.fileno()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(OSError, match="reset"):
        wrapped(context, was_reset, server_hostname="relay.example")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    gc.collect()  # a socket that was left to it would be told as an error
