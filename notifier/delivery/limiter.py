"""Rates that all replicas keep together: of tenants, recipient domains and relays. Nobody sleeps on a limit: a mail
that is over one waits in the store, for as long as the limiter says.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from notifier.delivery.settling import open_recipients
from notifier.errors import StoreError
from notifier.model.limits import DomainRates, Rate, Rates
from notifier.model.outcome import Outcome
from notifier.model.tenant import Tenants
from notifier.pool.verdicts import is_too_much
from notifier.store.base import Claim

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A mail waits ``seconds`` for a token of the buckets ``keys``."""

    claim: Claim
    seconds: float
    keys: tuple[str, ...]

    @property
    def words(self) -> str:
        """Why, for the history."""
        return f"over the rate of {' or '.join(self.keys)}"


@dataclass(frozen=True, slots=True)
class Limiter:
    """Asks for tokens, and slows down where a relay complains."""

    rates: Rates
    tenants: Tenants
    domains: DomainRates

    def held(self, claims: Sequence[Claim]) -> list[Held]:
        """Those that are over the limit of their tenant, or of one of their recipients' domains."""
        return self._held(claims, {claim.mail_id: self._of_mail(claim) for claim in claims})

    def held_by_relay(self, rate: Rate | None, claims: Sequence[Claim]) -> list[Held]:
        """Those that are over the limit of the relay. The tokens that they have taken before are given back."""
        if rate is None:
            return []
        held = self._held(claims, dict.fromkeys((claim.mail_id for claim in claims), (rate,)))
        self.give_back([one.claim for one in held])
        return held

    def give_back(self, claims: Sequence[Claim]) -> None:
        """These do not go now after all: whoever sends them takes tokens again. Raises `StoreUnavailable`."""
        if taken := [rates for claim in claims if (rates := self._of_mail(claim))]:
            self.rates.give_back(taken)

    def learn(self, outcome: Outcome, rate: Rate | None) -> None:
        """Halve what is too fast for a relay, as far as the store takes it."""
        fast = [
            path
            for path, verdict in outcome.recipients.items()
            if verdict.fault is not None and is_too_much(verdict.fault)
        ]
        if not fast:
            return
        slower = [one for one in (rate, *map(self.domains.of, _domains(fast))) if one is not None]
        try:
            self.rates.slow_down(slower)
        except StoreError as error:
            log.debug("complaint not shared: %s", error)

    def _of_mail(self, claim: Claim) -> tuple[Rate, ...]:
        tenant = self.tenants.get(claim.email.tenant)
        found = (tenant.rate if tenant else None, *map(self.domains.of, _domains(open_recipients(claim))))
        return tuple(rate for rate in found if rate is not None)

    def _held(self, claims: Sequence[Claim], wanted: Mapping[str, tuple[Rate, ...]]) -> list[Held]:
        limited = [claim for claim in claims if wanted[claim.mail_id]]
        if not limited:
            return []
        waits = self.rates.take([wanted[claim.mail_id] for claim in limited])
        return [
            Held(claim, wait, tuple(rate.key for rate in wanted[claim.mail_id]))
            for claim, wait in zip(limited, waits, strict=True)
            if wait > 0
        ]


def _domains(paths: Iterable[str]) -> list[str]:
    return sorted({path.rpartition("@")[2].lower() for path in paths})
