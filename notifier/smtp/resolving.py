"""From a host's name to the addresses that are tried, in their order."""

from __future__ import annotations

import codecs
import errno
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from notifier.errors import DeliveryError, Phase, fault_error
from notifier.protocol import taxonomy

# The resolver and TLS turn names to octets by it. Imported when it is first needed, in one thread, it could be so while
# another forks: the child would wait for that import for ever.
codecs.lookup("idna")

_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.|\Z)){4}(?<=[0-9])\Z", re.ASCII)
MOST_ADDRESSES = 16  # a name with a thousand addresses must not make a scanner of us
LOCAL_SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_UNKNOWN_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


class Address(NamedTuple):
    """A family, and a socket address of it as `socket.getaddrinfo` gives it."""

    family: int
    sockaddr: Any


Resolve = Callable[[str, int], Iterable[tuple[int, Any]]]


def system_addresses(host: str, port: int) -> list[Address]:
    """What the system's resolver knows, in its order (RFC 6724). It has timers of its own, and no deadline of ours.

    An IPv4 address is no question for it.
    """
    if _IPV4.match(host):
        return [Address(socket.AF_INET, (host, port))]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]


def looked_up(host: str, port: int, resolve: Resolve, relay: str) -> list[Address]:
    """At least one address. ``relay`` is whose way it is. Raises a `DeliveryError` leaf: rows D1, D3, C3, or ``resolve``'s."""
    try:
        found = [Address(*address) for address in resolve(host, port)]
    except DeliveryError:  # a resolver of ours knows its rows
        raise
    except (OSError, ValueError) as error:  # UnicodeError too, from a label over 63 octets
        words = getattr(error, "strerror", None) or str(error)
        raise _lookup_error(_row(error), host, words, relay) from error
    if not found:
        raise _lookup_error("D1", host, "it has no address", relay)
    return found


def interleaved(found: Sequence[Address]) -> list[Address]:
    """The families in turn, beginning with the first one's (RFC 8305 section 4), each address once, so many at most."""
    if len(found) == 1:
        return list(found)
    families: dict[int, list[Address]] = {}
    for address in dict.fromkeys(found):
        families.setdefault(address.family, []).append(address)
    rounds = zip_longest(*families.values())
    return [address for one_round in rounds for address in one_round if address is not None][:MOST_ADDRESSES]


def _row(error: Exception) -> str:
    if isinstance(error, ValueError):
        return "D1"
    if isinstance(error, socket.gaierror):
        return "D1" if error.errno in _UNKNOWN_NAME else "D3"
    # EAI_SYSTEM comes as the system's own error: no descriptor was left for the resolver, say.
    return "C3" if getattr(error, "errno", None) in LOCAL_SHORTAGE else "D3"


def _lookup_error(row: str, host: str, words: str, relay: str) -> DeliveryError:
    words = f"host name {host!r} cannot be looked up: {words}"
    return fault_error(taxonomy.fault(row, Phase.DNS, words, host=relay))
