"""What a host may be called: a domain name or an IP address, and nothing that is half of a URL."""

from __future__ import annotations

import ipaddress
import re

Target = bytes | ipaddress.IPv4Address | ipaddress.IPv6Address

_NAME = re.compile(rb"[A-Za-z0-9_]([A-Za-z0-9._-]{0,253}[A-Za-z0-9_.])?\Z")
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?\Z")  # a zone may hold anything for the standard library


def as_target(host: str) -> Target:
    """The address that ``host`` is, or the name as the resolver has it.

    Raises `ValueError` without the text: in ``user:password@host`` a secret stands.
    """
    try:
        if _ADDRESS.match(host):
            return ipaddress.ip_address(host)
    except ValueError:
        pass  # a name may look like one
    try:
        name = host.encode("idna")
    except UnicodeError:
        name = b""
    if not _NAME.match(name):
        raise ValueError("a host is a domain name or an IP address, without port, user, path or blank")
    return name
