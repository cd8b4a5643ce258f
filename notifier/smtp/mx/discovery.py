"""Which TLSA records are a host's (RFC 7672 section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.smtp.deadline import Deadline
from notifier.smtp.mx.answers import Answer, Lookups
from notifier.smtp.tlsa import AUTHORITY, TLSA, strongest
from notifier.smtp.trust import Published


@dataclass(frozen=True, slots=True)
class Found:
    """``base``: the name that the records are of, the TLSA base domain. ``usable``: those that can be used."""

    base: str
    usable: tuple[TLSA, ...]

    def trust(self, domains: tuple[str, ...], *, surely_its_own: bool) -> Published:
        """For the mail of a domain, by all its names, that leads to the host; perhaps ``surely_its_own``."""
        # Section 3.2.2: under an authority the certificate may be for the domain too, where nobody else named the host.
        named = surely_its_own and any(record.usage == AUTHORITY for record in self.usable)
        return Published(self.usable, self.base, domains if named else (), authenticates=surely_its_own)


def discovered(lookups: Lookups, host: str, port: int, addresses: Answer[str], deadline: Deadline) -> Found | None:
    """None where the host publishes nothing that is signed. ``addresses``: what was found for it.

    Raises `LookupFailed`: then the host must not be used (row D7), or whoever can suppress an answer is rid of DANE.
    """
    for base in _candidates(lookups, host, addresses, deadline):
        answer = lookups.published(f"_{port}._tcp.{base}", deadline)
        if answer.secure and answer.records:
            return Found(base, strongest(answer.records))
    return None


def _candidates(lookups: Lookups, host: str, addresses: Answer[str], deadline: Deadline) -> list[str]:
    """Section 2.2.2: in an unsigned zone TLSA is not even asked for: some of its nameservers never answer that.

    An alias whose target's zone is unsigned may have records of its own, where the alias itself is signed.
    """
    if addresses.secure:
        return list(dict.fromkeys((addresses.canonical, host)))
    if addresses.canonical != host and lookups.alias(host, deadline).secure:
        return [host]
    return []
