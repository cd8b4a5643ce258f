"""What the DNS says, as values, and what routing needs of a resolver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from notifier.smtp.deadline import Deadline
from notifier.smtp.tlsa import TLSA

R = TypeVar("R")

SPARE = (
    2.0  # seconds for lookups that would only add to what is known: one nameserver that is silent keeps no mail waiting
)


class Exchange(NamedTuple):
    """An MX record; the host ``.`` is nobody (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """``exists`` False: there is no such name at all, and not only no such record of it.

    ``canonical``: the name that aliases led to. ``secure``: signed, and validated by a resolver that we trust.
    """

    records: tuple[R, ...] = ()
    canonical: str = ""
    secure: bool = False
    exists: bool = True


class LookupFailed(Exception):
    """SERVFAIL (which a bogus signature is too), no answer in time, none that can be read: the DNS has not said."""


class Lookups(Protocol):
    """Each name is absolute, in A-labels, without a dot at its end. Each lookup raises `LookupFailed`."""

    def exchanges(self, domain: str, deadline: Deadline) -> Answer[Exchange]:
        """MX."""

    def addresses(self, host: str, deadline: Deadline) -> Answer[str]:
        """AAAA, then A. One that cannot be looked up does not hide the other."""

    def alias(self, name: str, deadline: Deadline) -> Answer[str]:
        """CNAME."""

    def texts(self, name: str, deadline: Deadline) -> Answer[bytes]:
        """TXT, the strings of each record joined."""

    def published(self, name: str, deadline: Deadline) -> Answer[TLSA]:
        """TLSA."""
