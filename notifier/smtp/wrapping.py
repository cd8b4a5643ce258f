"""A plain socket becomes one with TLS, and none is left open where it cannot."""

from __future__ import annotations

import socket
import ssl
from traceback import walk_tb


def wrapped(
    context: ssl.SSLContext, plain: socket.socket, *, server_side: bool = False, server_hostname: str | None = None
) -> ssl.SSLSocket:
    """`ssl.SSLContext.wrap_socket` without the handshake. Raises as it does.

    CPython takes the descriptor out of ``plain`` before it looks whether anybody is at the other end, and where he has reset
    the connection just then, leaves its new owner open for the garbage collector (`SSLSocket._create`).
    """
    try:
        return context.wrap_socket(
            plain, server_side=server_side, server_hostname=server_hostname, do_handshake_on_connect=False
        )
    except OSError as error:
        for frame, _ in walk_tb(error.__traceback__):
            if isinstance(owner := frame.f_locals.get("self"), ssl.SSLSocket):
                owner.close()
        raise
