"""A relay that ends the connection after every octet of a dialogue, said or heard: what becomes of the mails.

The first connection is cut, the others are good. Nothing may be lost, doubled outside the window of RFC 1047, or counted as
an attempt where the connection ended before the message.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from delivering import copies, desk, promises, relay

from notifier.testing import Cut, EmbeddedValkey, HostileServer

MAILS = 2
TEXT = ".\n"
HEARD = 16  # most of what it hears are the headers of a message


@dataclass(frozen=True)
class Way:
    """How the mails go. ``batch`` 1: each by itself, so that the second one finds a parked session. ``said``: every so many
    octets of what the server says.
    """

    offers: tuple[str, ...] = ("PIPELINING",)
    said: int = 1
    batch: int = 8
    window: int = 1
    tls: bool = False
    reset: bool = False

    def server(self, cut: Cut | None = None) -> HostileServer:
        return HostileServer(offers=self.offers, tls=self.tls, cut=cut, connection=1)


WAYS = {
    "lock step": Way(offers=()),
    "pipelined": Way(),
    "chunked": Way(("PIPELINING", "CHUNKING")),
    "chunked, two in flight": Way(("PIPELINING", "CHUNKING"), 6, window=2),
    "a parked session": Way(said=6, batch=1),
    "a parked session, chunked": Way(("PIPELINING", "CHUNKING"), 6, batch=1),
    "reset": Way(said=6, reset=True),
}


def traffic(way: Way, url: str) -> dict[str, int]:
    """Octets that the server says and hears where nothing is cut."""
    with way.server() as server, desk(url, relay(server)) as at:
        at.post(MAILS, text=TEXT)
        at.deliver(way.batch)
        return dict(zip(("said", "heard"), server.traffic[0], strict=True))


def cut_once(way: Way, cut: Cut, url: str) -> None:
    with way.server(cut) as server, desk(url, relay(server, window=way.window)) as at:
        ids = at.post(MAILS, text=TEXT)
        at.deliver(way.batch)
        at.relays.close(0.0)
        assert server.at_rest()
        promises([at.status(one) for one in ids], copies(server))


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("side", ["said", "heard"])
def test_a_connection_that_is_cut_at_every_octet(side: str, name: str, valkey_server: EmbeddedValkey) -> None:
    way, url = WAYS[name], valkey_server.url
    for octets in range(0, traffic(way, url)[side] + 1, way.said if side == "said" else HEARD):
        cut_once(way, Cut(reset=way.reset, **{side: octets}), url)


@pytest.mark.parametrize("side", ["said", "heard"])
def test_a_connection_in_tls_that_is_cut(side: str, valkey_server: EmbeddedValkey) -> None:
    way, url = Way(tls=True), valkey_server.url
    whole = traffic(way, url)[side]
    for octets in range(0, whole + 1, whole // 12):
        cut_once(way, Cut(**{side: octets}), url)
