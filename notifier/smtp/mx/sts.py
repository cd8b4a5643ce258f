"""`Policies`: which MTA-STS policy a domain has now (RFC 8461 sections 3 and 5.1).

A policy that was fetched once holds for its ``max_age``, whatever the DNS or the web server say or do not say meanwhile: that
is what protects from somebody who suppresses both.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from notifier.smtp.deadline import Deadline
from notifier.smtp.mx.answers import LookupFailed, Lookups
from notifier.smtp.mx.cache import TTLCache
from notifier.smtp.mx.sts_fetch import PolicyUnavailable
from notifier.smtp.mx.sts_policy import Policy
from notifier.smtp.mx.sts_record import policy_id

log = logging.getLogger(__name__)

MOST_POLICIES = 10_000  # kept at once
FRESH_FOR = 86_400.0  # seconds after which a policy with the same id is fetched anew, so that it does not run out
NOT_AGAIN_FOR = 300.0  # seconds after a fetch that failed, as section 3.3 suggests

Fetch = Callable[[str, Deadline], Policy]


@dataclass(frozen=True, slots=True)
class _Known:
    """Times are of the clock. ``policy`` None: none could be fetched. ``tried``: the last time, and whether in vain."""

    policy: Policy | None
    id: str
    expires: float
    fresh_until: float
    tried: float
    failed: bool

    def is_due(self, announced: str, now: float) -> bool:
        """True where the policy is to be fetched again, because of its id or its age."""
        changed = announced != self.id or now >= self.fresh_until
        return changed and not (self.failed and self.tried_lately(now))

    def tried_lately(self, now: float) -> bool:
        """True where the web server is left alone for a while."""
        return now < self.tried + NOT_AGAIN_FOR


class Policies:
    """The policies of all domains, kept in this process. ``clock`` is monotonic seconds."""

    def __init__(self, lookups: Lookups, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookups = lookups
        self._fetch = fetch
        self._clock = clock
        self._known: TTLCache[str, _Known] = TTLCache(MOST_POLICIES, clock)

    def of(self, domain: str, deadline: Deadline) -> Policy | None:
        """The policy that holds now; None where the domain has none, or none was ever to be had."""
        known, now = self._known.get(domain), self._clock()
        announced = self._announced(domain, deadline)
        if announced is None or (known and not known.is_due(announced, now)):
            return known.policy if known else None
        return self._refreshed(domain, announced, known, deadline)

    def anew(self, domain: str, deadline: Deadline) -> Policy | None:
        """The same, fetched now: before a policy makes mail wait, it is looked at again (section 5.1)."""
        known = self._known.get(domain)
        if known is None or known.tried_lately(self._clock()):
            return known.policy if known else None
        return self._refreshed(domain, self._announced(domain, deadline) or known.id, known, deadline)

    def _announced(self, domain: str, deadline: Deadline) -> str | None:
        try:
            return policy_id(self._lookups.texts(f"_mta-sts.{domain}", deadline).records)
        except LookupFailed as failure:
            log.debug("no policy to be seen: %s", failure)
            return None

    def _refreshed(self, domain: str, announced: str, known: _Known | None, deadline: Deadline) -> Policy | None:
        now = self._clock()
        try:
            policy = self._fetch(domain, deadline)
        except PolicyUnavailable as failure:
            log.warning("MTA-STS policy not fetched%s: %s", ", the one before holds" if known else "", failure)
            kept = _none_yet(announced, now) if known is None else replace(known, tried=now, failed=True)
        else:
            kept = _fetched(policy, announced, now)
        self._known.put(domain, kept, kept.expires - now)
        return kept.policy


def _fetched(policy: Policy, announced: str, now: float) -> _Known:
    fresh = min(FRESH_FOR, policy.max_age / 2)
    return _Known(policy, announced, now + policy.max_age, now + fresh, now, failed=False)


def _none_yet(announced: str, now: float) -> _Known:
    return _Known(None, announced, now + NOT_AGAIN_FOR, now, now, failed=True)
