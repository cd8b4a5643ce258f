"""What an operator chooses about direct delivery. Values; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from notifier.smtp.endpoint import Timeouts, TLSPolicy

# The mx:// column of the one table: strangers' servers get the patience of RFC 5321 section 4.5.3.2.
MX_TIMEOUTS = Timeouts(
    connect=30.0,
    greeting=300.0,
    ehlo=300.0,
    starttls=60.0,
    auth=60.0,
    mail=300.0,
    rcpt=300.0,
    data=120.0,
    body_block=180.0,
)
DNS_PORT = 53


class MTASTS(StrEnum):
    """What is done with the policies of RFC 8461. ``TESTING``: each as if its mode were testing."""

    OFF = "off"
    TESTING = "testing"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class MxRules:
    """``tls``: where nothing is published, opportunistic or required; either way nobody verifies who answers then.

    ``resolvers``: addresses and ports; none: the system's. ``allow``: networks that hosts may be in though they are
    not the public Internet's.
    """

    dane: bool = False
    mtasts: MTASTS = MTASTS.OFF
    tls: TLSPolicy = TLSPolicy.OPPORTUNISTIC
    resolvers: tuple[tuple[str, int], ...] = ()
    allow: tuple[IPv4Network | IPv6Network, ...] = ()
