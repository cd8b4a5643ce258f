"""``mx://``: delivery to the recipients' own servers, with its resolver, TLS policies, timers and pool bounds, in one URL."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from notifier.pool import PoolConfig
from notifier.pool.mx import MX_POOL
from notifier.protocol.reply import ReplyCaps
from notifier.settings.bounds import POOL, REPLY, TIMEOUTS
from notifier.settings.parsers import Parser, one_of, seconds
from notifier.settings.relay import ManyProblems
from notifier.smtp import Endpoint, TLSPolicy
from notifier.smtp.mx import MTASTS, MX_TIMEOUTS, MxRules
from notifier.smtp.mx.rules import DNS_PORT
from notifier.smtp.mx.screen import Network
from notifier.smtp.trust import Unauthenticated

_SMTP_PORT = 25
_EHLO = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?|\[[A-Za-z0-9.:]+\])\Z")
_WITH_PORT = re.compile(
    r"(?:\[([^\]]*)\]|([^:]*))(?::([0-9]+))?\Z"
)  # an IPv6 address without brackets is none of these


@dataclass(frozen=True, slots=True)
class MxDelivery:
    """What the URL says. ``template``: the endpoint of every MX host, but for host, TLS and trust, which the host's
    domain decides.
    """

    template: Endpoint
    pool: PoolConfig
    rules: MxRules


def parse_mx(text: str) -> MxDelivery:
    """Read ``mx://?dane=on&mtasts=enforce&resolver=127.0.0.1:5353``. Raises `ValueError`."""
    if any(ord(char) < 33 or ord(char) == 127 for char in text):
        raise ValueError("is no URL: it holds a blank or a control character (%20 stands for a blank)")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme != "mx":
        raise ValueError("begins with mx://")
    problems = _problems_before_the_options(parts)
    given = _options(parts, problems)
    if problems:
        raise ManyProblems(problems)
    return _made(given)


def _problems_before_the_options(parts: SplitResult) -> list[str]:
    if parts.netloc or parts.path not in ("", "/"):
        return ["names a host with mx://, where the recipients' domains do; options follow at once: mx://?ehlo=…"]
    return []


def _options(parts: SplitResult, problems: list[str]) -> Mapping[str, Any]:
    given: dict[str, Any] = {}
    for key, value in dict(parse_qsl(parts.query, keep_blank_values=True)).items():
        if (parser := OPTIONS.get(key)) is None:
            problems.append(f"has no option {key!r} with mx://; known: {', '.join(sorted(OPTIONS))}")
            continue
        try:
            given[key] = parser(value)
        except ValueError as error:
            problems.append(f"{key}= {error}")
    return given


def _made(given: Mapping[str, Any]) -> MxDelivery:
    timeouts = {name: given[key] for key, name in TIMEOUTS.items() if key in given}
    bounds, caps = (
        {name: given[key] for key, (name, _) in options.items() if key in given} for options in (POOL, REPLY)
    )
    tls = TLSPolicy(given.get("tls", TLSPolicy.OPPORTUNISTIC))
    template = Endpoint(
        host="mx",
        port=given.get("port", _SMTP_PORT),
        tls=tls,
        trust=Unauthenticated(),
        ca_file=given.get("ca"),
        ehlo_name=given.get("ehlo"),
        source_address=given.get("source"),
        timeouts=replace(MX_TIMEOUTS, **timeouts),
        reply_caps=ReplyCaps(**caps),
    )
    rules = MxRules(
        dane=given.get("dane") == "on",
        mtasts=MTASTS(given.get("mtasts", MTASTS.OFF)),
        tls=tls,
        resolvers=given.get("resolver", ()),
        allow=given.get("allow", ()),
    )
    return MxDelivery(template, replace(MX_POOL, **bounds), rules)


# parsers of single options ----------------------------------------------------------------------------------------------


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65536:
        raise ValueError(f"is a port from 1 to 65535, and not {text!r}")
    return int(text)


def _resolvers(text: str) -> tuple[tuple[str, int], ...]:
    return tuple(map(_resolver, text.split(",")))


def _resolver(text: str) -> tuple[str, int]:
    """``IP``, ``IP:port``, ``[IPv6]:port``; an IPv6 address alone needs no brackets."""
    divided = _WITH_PORT.match(text)
    address, port = (divided[1] or divided[2], divided[3]) if divided else (text, None)
    try:
        return str(ipaddress.ip_address(address)), DNS_PORT if port is None else _port(port)
    except ValueError:
        raise ValueError(f"is the IP address of a nameserver, perhaps with :port, and not {text!r}") from None


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"is a network such as 10.0.0.0/8, or several with commas, and not {text!r}") from None


def _ehlo(text: str) -> str:
    if not _EHLO.match(text):
        raise ValueError(f"is a domain name or an address in brackets, and not {text!r}")
    return text


def _source(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"is an IP address of this host, and not {text!r}") from None


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise ValueError(f"names the file {text!r}, which is not there")
    return text


OPTIONS: Mapping[str, Parser] = {
    "dane": one_of("on", "off"),
    "mtasts": one_of(*MTASTS),
    "tls": one_of(TLSPolicy.OPPORTUNISTIC, TLSPolicy.REQUIRED),
    "resolver": _resolvers,
    "allow": _networks,
    "port": _port,
    "ca": _file,
    "ehlo": _ehlo,
    "source": _source,
    **dict.fromkeys(TIMEOUTS, seconds),
    **{key: parser for key, (_, parser) in (*POOL.items(), *REPLY.items())},
}
