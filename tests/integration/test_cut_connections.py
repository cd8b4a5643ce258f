"""A relay that ends the connection after every octet of a dialogue, said or heard: what becomes of the mails.

The first connection is cut, the others are good. Nothing may be lost, doubled outside the window of RFC 1047, or counted as
an attempt where the connection ended before the message.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest
from delivering import copies, desk, promises, relay

from notifier.testing import Cut, EmbeddedValkey, HostileServer

MAILS = 2
TEXT = ".\n"
HEARD = 16  # every so many octets of a message, most of which are its headers, and each of as many at the end
IN_TLS = 12  # so many places of a dialogue
EVERY_OCTET = os.environ.get("CUT_EVERY_OCTET") == "1"


@dataclass(frozen=True)
class Way:
    """How the mails go. ``batch`` 1: each by itself, so that the second one finds a parked session. ``said``: every so many
    octets of what the server says; 1: and each of the envelope that it hears.
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


@dataclass(frozen=True)
class Traffic:
    """Octets that the server says and hears where nothing is cut; ``envelope``: that it hears before the first message."""

    said: int
    heard: int
    envelope: int


def traffic(way: Way, url: str) -> Traffic:
    with way.server() as server, desk(url, relay(server)) as at:
        at.post(MAILS, text=TEXT)
        at.deliver(way.batch)
        commands = server.heard[0]
        begins = (commands.find(verb) for verb in (b"DATA\r\n", b"BDAT "))
        return Traffic(*server.traffic[0], envelope=min(found for found in begins if found > 0))


def places(way: Way, side: str, whole: Traffic) -> Iterable[int]:
    """Octets of one side behind which the connection is cut."""
    most = whole.said if side == "said" else whole.heard
    if EVERY_OCTET:
        return range(most + 1)
    if way.tls:
        return range(0, most + 1, most // IN_TLS)
    if side == "said":
        return range(0, most + 1, way.said)
    if way.said > 1:
        return range(0, most + 1, HEARD)
    return [*range(whole.envelope), *range(whole.envelope, most - HEARD, HEARD), *range(most - HEARD, most + 1)]


def cut_once(way: Way, cut: Cut, url: str) -> None:
    with way.server(cut) as server, desk(url, relay(server, window=way.window)) as at:
        ids = at.post(MAILS, text=TEXT)
        at.deliver(way.batch)
        at.relays.close(0.0)
        assert server.at_rest()
        promises([at.status(one) for one in ids], copies(server))


def cut_everywhere(way: Way, side: str, url: str) -> None:
    """Or as nearly so as the time allows."""
    for octets in places(way, side, traffic(way, url)):
        cut_once(way, Cut(reset=way.reset, **{side: octets}), url)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("side", ["said", "heard"])
def test_a_connection_that_is_cut_at_every_octet(side: str, name: str, valkey_server: EmbeddedValkey) -> None:
    cut_everywhere(WAYS[name], side, valkey_server.url)


@pytest.mark.parametrize("name", WAYS if EVERY_OCTET else ["pipelined"])
@pytest.mark.parametrize("side", ["said", "heard"])
def test_a_connection_in_tls_that_is_cut(side: str, name: str, valkey_server: EmbeddedValkey) -> None:
    cut_everywhere(replace(WAYS[name], tls=True), side, valkey_server.url)
