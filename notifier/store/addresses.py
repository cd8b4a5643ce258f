"""A name with several addresses: clients try one after the other, each for the whole of their timeout."""

from __future__ import annotations

import socket


def share_of(timeout: float, host: str | None, port: int | None) -> float:
    """Seconds for each of the host's addresses, so that all of them together have ``timeout``.

    The whole of it where there is one, or where the name cannot be looked up, which connecting will say.
    """
    if not host:
        return timeout
    try:
        found = {address for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        return timeout
    return timeout / max(1, len(found))
