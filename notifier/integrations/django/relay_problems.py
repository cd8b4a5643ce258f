"""What is wrong with a relay in Django's words, told in the words of whoever wrote them, and without the password."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_HOST = re.compile(r"[^\s/?#@:,\[\]]+\Z")
_IMPLICIT = 465  # RFC 8314 section 7.3


def relay_problems(options: Mapping[str, Any], said: Callable[[str], str]) -> Iterator[str]:
    """For options of `relay_url` that name a host; ``said`` is how one of them is called where it was set."""
    if not _is_host(options["host"]):
        yield f"{said('host')} is a host's name or address; its port, user and password are said for themselves"
    port = options.get("port")
    if port and not (str(port).isdecimal() and int(port) <= 65535):
        yield f"{said('port')} is a number from 1 to 65535, not {port!r}"
    timeout = options.get("timeout")
    if timeout is not None and not _is_time(timeout):
        yield f"{said('timeout')} is a number of seconds over 0, not {timeout!r}"
    for name in ("username", "password"):
        if not _is_carried(options.get(name)):
            yield f"{said(name)} is text, without line ends, NUL and half characters"
    yield from _tls_problems(options, said)


def _tls_problems(options: Mapping[str, Any], said: Callable[[str], str]) -> Iterator[str]:
    if options.get("use_tls") and options.get("use_ssl"):
        yield f"{said('use_tls')} and {said('use_ssl')} exclude each other: TLS after STARTTLS, or from the start"
    if str(options.get("port")) == str(_IMPLICIT) and not options.get("use_ssl"):
        yield f"{said('port')} {_IMPLICIT} is TLS from the start; set {said('use_ssl')}"


def _is_host(given: object) -> bool:
    if not isinstance(given, str) or ":" not in given:
        return isinstance(given, str) and _HOST.match(given) is not None
    try:
        return bool(ipaddress.IPv6Address(given))
    except ValueError:
        return False


def _is_time(given: object) -> bool:
    try:
        return 0 < float(given) < float("inf")  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return False


def _is_carried(given: object) -> bool:
    """By a mechanism of SASL."""
    if given is None:
        return True
    return isinstance(given, str) and not re.search(r"[\r\n\0\ud800-\udfff]", given)
