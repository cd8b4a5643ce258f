"""What a client may call itself in EHLO, HELO and LHLO (RFC 5321 sections 4.1.1.1 and 4.1.3)."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from notifier.model.address import a_labels

MAX_NAME = 255  # octets, RFC 5321 section 4.5.3.1.2
_NUMBER_LAST = re.compile(r"[0-9.]*\.[0-9]+\Z")  # an address without its brackets, or what looks like one
_NOBODYS = ("localdomain",)  # what an installer puts behind the host's name where nobody has given it one


@lru_cache(maxsize=64)  # a host calls itself the same at each connection
def hello_name(text: str) -> str:
    """The name as it is said: a domain in A-labels, or an address in brackets. Raises `ValueError`."""
    try:
        name = _literal(text) if text.startswith("[") else a_labels(text)
    except ValueError as error:  # of IDNA too
        raise ValueError(f"EHLO name is no domain name or address literal: {text!r}") from error
    if len(name) > MAX_NAME:
        raise ValueError(f"EHLO name is over {MAX_NAME} octets")
    if _NUMBER_LAST.match(name):
        raise ValueError(f"EHLO name is an address, which stands in brackets: {text!r}")
    return name


def is_nobodys(name: str) -> bool:
    """True for names such as localhost.localdomain: they pass the grammar, and relays may refuse them."""
    return name.lower().rpartition(".")[2] in _NOBODYS


def _literal(text: str) -> str:
    address = text.removeprefix("[").removesuffix("]")
    if text != f"[{address}]":
        raise ValueError("no closing bracket")
    if address[:5].upper() == "IPV6:":
        ipaddress.IPv6Address(address[5:])
        if "%" in address:
            raise ValueError("a zone means nothing to others")
    else:
        ipaddress.IPv4Address(address)
    return text
