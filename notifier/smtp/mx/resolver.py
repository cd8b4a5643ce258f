"""`Resolver`: lookups with dnspython, each answer kept as long as its TTL says.

It is a stub resolver: recursion and the validation of signatures are the nameserver's. Its word on the latter (the AD flag)
counts where it is on this host, or was named by the operator, who then vouches for the way to it.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from notifier.errors import ConfigurationError
from notifier.smtp.deadline import Deadline
from notifier.smtp.mx.answers import SPARE, Answer, Exchange, LookupFailed
from notifier.smtp.mx.cache import TTLCache
from notifier.smtp.tlsa import TLSA

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.nameserver
    import dns.rdatatype
    import dns.resolver
except ImportError as error:
    raise ConfigurationError(["mx:// needs dnspython: pip install 'notifier-worker[mx]'"]) from error

LOOKUP = 10.0  # seconds that one lookup may take, all nameservers and tries together
MOST_ANSWERS = 10_000  # kept at once
MOST_RECORDS = 100  # of an answer that are looked at
LONGEST = 86_400.0  # seconds that an answer is kept at most
LONGEST_NEGATIVE = 900.0  # seconds, where there is nothing: what was forgotten is soon added (RFC 2308 section 5)
FAILED_FOR = 10.0  # seconds in which a failure is not tried again (RFC 9520), or each mail would wait for it anew
_PAYLOAD = 1232  # octets of a datagram that no way divides; a longer answer comes over TCP

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "MX": lambda data: Exchange(data.preference, _text(data.exchange)),
    "A": lambda data: data.address,
    "AAAA": lambda data: data.address,
    "CNAME": lambda data: _text(data.target),
    "TXT": lambda data: b"".join(data.strings),
    "TLSA": lambda data: TLSA(data.usage, data.selector, data.mtype, data.cert),
}


@dataclass(frozen=True, slots=True)
class _Failure:
    """Kept for a while, as answers are."""

    words: str


class Resolver:
    """`Lookups`, safe to share between threads and after a fork.

    ``nameservers``: addresses and ports; none: the system's. ``clock`` is monotonic seconds, for the TTLs. Raises
    `ConfigurationError` where the system names none.
    """

    def __init__(
        self, nameservers: Sequence[tuple[str, int]] = (), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._dns = _configured(nameservers)
        self._cache: TTLCache[tuple[str, str], Answer[Any] | _Failure] = TTLCache(MOST_ANSWERS, clock)
        self.trusted = bool(nameservers) or all(map(_is_loopback, self._dns.nameservers))

    def exchanges(self, domain: str, deadline: Deadline) -> Answer[Exchange]:
        """See `Lookups`."""
        return self._ask(domain, "MX", deadline)

    def addresses(self, host: str, deadline: Deadline) -> Answer[str]:
        """See `Lookups`."""
        found: list[Answer[str]] = []
        failures: list[LookupFailed] = []
        for kind in ("A", "AAAA"):
            try:
                found.insert(0, self._ask(host, kind, deadline))
            except LookupFailed as failure:
                failures.append(failure)
            if found and found[0].records:
                deadline = min(deadline, Deadline.after(SPARE))
        if failures and not any(answer.records for answer in found):
            raise failures[0]
        return _joined(found)

    def alias(self, name: str, deadline: Deadline) -> Answer[str]:
        """See `Lookups`."""
        return self._ask(name, "CNAME", deadline)

    def texts(self, name: str, deadline: Deadline) -> Answer[bytes]:
        """See `Lookups`."""
        return self._ask(name, "TXT", deadline)

    def published(self, name: str, deadline: Deadline) -> Answer[TLSA]:
        """See `Lookups`."""
        return self._ask(name, "TLSA", deadline)

    def _ask(self, name: str, kind: str, deadline: Deadline) -> Answer[Any]:
        known = self._cache.get((name, kind))
        if known is None:
            known, seconds = self._asked(name, kind, min(deadline.remaining, LOOKUP))
            self._cache.put((name, kind), known, seconds)
        if isinstance(known, _Failure):
            raise LookupFailed(f"{kind} of {name}: {known.words}")
        return known

    def _asked(self, name: str, kind: str, seconds: float) -> tuple[Answer[Any] | _Failure, float]:
        """The answer, and for how many seconds it is one."""
        try:
            absolute = dns.name.from_text(f"{name}.")
        except dns.exception.DNSException:  # an empty label, or one over 63 octets: no zone has such a name
            return Answer(exists=False), LONGEST_NEGATIVE
        try:
            found = self._dns.resolve(absolute, kind, raise_on_no_answer=False, lifetime=seconds)
        except dns.resolver.NXDOMAIN as error:
            return self._none(error.response(absolute), exists=False)  # type: ignore[no-untyped-call]  # theirs
        except dns.exception.Timeout:
            # One that had hardly any time says nothing about the next.
            return _Failure("no answer in time"), FAILED_FOR if seconds > SPARE / 2 else 0.0
        except (dns.exception.DNSException, OSError) as error:
            return _Failure(str(error) or type(error).__name__), FAILED_FOR
        if found.rrset is None:
            return self._none(found.response, exists=True)
        answer = Answer(
            tuple(_READERS[kind](data) for data in list(found.rrset)[:MOST_RECORDS]),
            _text(found.canonical_name),
            self._is_secure(found.response),
        )
        return answer, min(found.chaining_result.minimum_ttl, LONGEST)

    def _none(self, response: dns.message.QueryMessage, *, exists: bool) -> tuple[Answer[Any] | _Failure, float]:
        """There is nothing, if the nameserver has said so: mail is refused for good on it."""
        if response.flags & dns.flags.TC:
            return _Failure("the answer is cut off, over TCP too"), FAILED_FOR
        if not response.flags & dns.flags.RA:
            return _Failure("the nameserver does not look things up for others"), FAILED_FOR
        answer: Answer[Any] = Answer(secure=self._is_secure(response), exists=exists)
        if not any(rrset.rdtype == dns.rdatatype.SOA for rrset in response.authority):
            return answer, 0.0  # RFC 2308 section 5: without SOA nothing says for how long
        return answer, min(response.resolve_chaining().minimum_ttl, LONGEST_NEGATIVE)

    def _is_secure(self, response: dns.message.Message) -> bool:
        return self.trusted and bool(response.flags & dns.flags.AD)


def _joined(found: Iterable[Answer[str]]) -> Answer[str]:
    """Both families as one answer; what has no records says nothing about the security of those of the other."""
    answers = list(found)
    full = [answer for answer in answers if answer.records]
    return Answer(
        tuple(address for answer in full for address in answer.records),
        full[0].canonical if full else "",
        bool(full) and all(answer.secure for answer in full),
        any(answer.exists for answer in answers),
    )


def _configured(nameservers: Sequence[tuple[str, int]]) -> dns.resolver.Resolver:
    try:
        resolver = dns.resolver.Resolver(configure=not nameservers)
    except dns.resolver.NoResolverConfiguration as error:
        raise ConfigurationError(
            ["mx:// finds no nameserver in the system's settings: name one with resolver="]
        ) from error
    if nameservers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in nameservers]
    resolver.use_edns(0, payload=_PAYLOAD)
    # AD in a question asks for AD in the answer (RFC 6840 section 5.7), without the signatures.
    resolver.set_flags(dns.flags.RD | dns.flags.AD)
    return resolver


def _is_loopback(nameserver: object) -> bool:
    try:
        return ipaddress.ip_address(cast("str", nameserver)).is_loopback
    except ValueError:
        return False


def _text(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True)).lower()
