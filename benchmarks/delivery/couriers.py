"""The courier of workers, delivering to the sink: with the ledger, and with a store that keeps nothing."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

from benchmarks.delivery.mails import QUEUE, SENDER, PlainTexts
from benchmarks.pool.stories import pool_at
from benchmarks.smtp.client import processor_seconds
from notifier.delivery.composer import Composer
from notifier.delivery.courier import Courier
from notifier.delivery.leases import LeaseKeeper
from notifier.delivery.limiter import Limiter
from notifier.delivery.routing import Account, Router, Smarthost
from notifier.model.email import Email
from notifier.model.limits import DomainRates, Rates
from notifier.model.outcome import RecipientState
from notifier.model.pause import NoPauses, Pauses
from notifier.model.tenant import DEFAULT, THE_DEFAULT
from notifier.pool import LocalBreakers, Member, Relays
from notifier.retry import DEFAULT_TABLE
from notifier.store import RedisStore
from notifier.store.base import Claim, Settlement, Store
from notifier.store.records import payload_of

OWNER = "worker.origin.example:12345:0123abcd"
RENEW_EVERY = 20.0  # seconds


class NoLedger:
    """Hands each mail out once, from the JSON that any queue would carry, and forgets it."""

    def __init__(self) -> None:
        self._payloads: deque[str] = deque()

    def add(self, emails: Iterable[Email]) -> None:
        self._payloads.extend(map(payload_of, emails))

    def claim(self, queue: str, owner: str, limit: int) -> list[Claim]:
        del queue, owner
        taken = [self._payloads.popleft() for _ in range(min(limit, len(self._payloads)))]
        return [_claim(Email.from_payload(json.loads(payload))) for payload in taken]

    def suppressed(self, forward_paths: Sequence[str]) -> Mapping[str, str]:
        del forward_paths
        return {}

    def begin_dot(self, claims: Sequence[Claim]) -> None:
        pass

    def settle(self, settlements: Sequence[Settlement]) -> None:
        pass


def _claim(email: Email) -> Claim:
    return Claim(
        email, 1, dict.fromkeys((a.forward_path for a in email.recipients), RecipientState.PENDING), 0, 0, 0, 60
    )


@dataclass
class Desk:
    """``ledger``: None where there is none."""

    store: Any
    courier: Courier
    ledger: RedisStore | None

    def add(self, emails: Sequence[Email]) -> None:
        """Enqueue them, some hundred at once."""
        for at in range(0, len(emails), 500):
            self.store.add(emails[at : at + 500])

    def deliver(self, batch: int) -> float:
        """All that is due, so many at once. Returns the processor seconds that it took."""
        began = processor_seconds()
        while claims := self.store.claim(QUEUE, OWNER, batch):
            kept = LeaseKeeper(self.ledger, claims, RENEW_EVERY) if self.ledger else nullcontext()
            with kept:
                self.courier.deliver(claims)
        return processor_seconds() - began


@contextmanager
def desk(url: str | None, port: int, window: int) -> Iterator[Desk]:
    """``url``: the ledger's, with the durability that is shipped; None for none."""
    with ExitStack() as stack:
        ledger = RedisStore(url) if url else None
        store = ledger or NoLedger()
        pool = pool_at(port, window=window)
        stack.callback(pool.close)
        tenants = {DEFAULT: THE_DEFAULT}
        relays = Relays([[Member(pool)]], LocalBreakers())
        courier = Courier(
            store=cast("Store", store),
            router=Router(tenants, {DEFAULT: Account(Smarthost(relays))}, SENDER),
            composer=Composer(PlainTexts(), cast("Store", store), SENDER),
            limiter=Limiter(cast("Rates", ledger.rates if ledger else None), tenants, DomainRates()),
            pauses=cast("Pauses", ledger.pause_board if ledger else NoPauses()),
            table=lambda _: DEFAULT_TABLE,
        )
        if ledger:
            stack.callback(ledger.close)
        yield Desk(store, courier, ledger)
