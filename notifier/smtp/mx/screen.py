"""Which addresses strangers may lead us to: those of the public Internet, and what the operator allows (row D6).

Whoever owns a recipient's domain chooses the addresses that we connect to. Without this they could have us talk to what
only we can reach: services on this host, the operator's network, the metadata service of a cloud.

The ranges are written out, from IANA's registries of special-purpose addresses: what the standard library calls global
differs between Python's versions.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Network = IPv4Network | IPv6Network

_NOT_PUBLIC = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by carriers; one cloud's metadata service is in it
            "127.0.0.0/8",
            "168.63.129.16/32",  # another cloud's, out of the public range
            "169.254.0.0/16",  # link-local, and most clouds' metadata services
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, and what is reserved behind it
        ),
    )
)
_UNICAST = IPv6Network("2000::/3")  # all that is given out of IPv6's addresses
_NOT_PUBLIC_OF_IT = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


class Screen:
    """``allow``: networks whose addresses are let through whatever they are."""

    def __init__(self, allow: Iterable[Network] = ()) -> None:
        self._allow = tuple(allow)

    def lets_through(self, text: str) -> bool:
        """True where we may connect to this address; False for what is none."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        meant = (address, _inner(address))
        return any(one in network for one in meant if one for network in self._allow) or _is_public(address)


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 host that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return None
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else address.ipv4_mapped


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    if address in _NAT64:
        return _is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _UNICAST and not any(address in network for network in _NOT_PUBLIC_OF_IT)
