"""The courier of workers, delivering to the sink: with the ledger, and with a store that keeps nothing.

A processor that has just slept runs the same code at half its pace or less, so a store that answers late makes all of a
delivery dearer, not only its own part. `Waits` tells the store that keeps nothing how late the ledger was.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar, cast

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
from notifier.store.base import Claim, Settlement, Store, Turn
from notifier.store.records import payload_of

OWNER = "worker.origin.example:12345:0123abcd"
RENEW_EVERY = 20.0  # seconds
T = TypeVar("T")


class Waits:
    """How long each answer of the ledger was slept for, step by step: seconds, in their order.

    ``slept``: processor seconds that `sleep` has cost by itself. To wait is a part of what a ledger costs, so whoever sleeps in
    its place does not have that on his bill.
    """

    def __init__(self) -> None:
        self._noted: defaultdict[str, deque[float]] = defaultdict(deque)
        self._late = _oversleeping()
        self.slept = 0.0

    def noted(self, step: str, do: Callable[..., T]) -> Callable[..., T]:
        """``do``, whose sleep is noted."""

        def doing(*arguments: Any) -> T:
            began, worked = time.perf_counter(), time.thread_time()
            done = do(*arguments)
            worked = time.thread_time() - worked
            self._noted[step].append(max(0.0, time.perf_counter() - began - worked))
            return done

        return doing

    def clear(self) -> None:
        """Forget them."""
        self._noted.clear()
        self.slept = 0.0

    def sleep(self, step: str) -> None:
        """As long as the ledger's answer took that was not slept for yet."""
        began = time.thread_time()
        if self._noted[step] and (seconds := self._noted[step].popleft() - self._late) > 0:
            time.sleep(seconds)
        self.slept += time.thread_time() - began


def _oversleeping() -> float:
    """Seconds by which a short sleep is longer than was asked for, as a rule."""

    def one() -> float:
        began = time.perf_counter()
        time.sleep(0.001)
        return time.perf_counter() - began - 0.001

    return max(0.0, median(one() for _ in range(50)))


class WatchedLedger:
    """The ledger, with its waits noted."""

    def __init__(self, ledger: RedisStore, waits: Waits) -> None:
        self.suppressed, self.add = ledger.suppressed, ledger.add
        self.claim = waits.noted("claim", ledger.claim)
        self.begin_dot = waits.noted("begin_dot", ledger.begin_dot)
        self.settle = waits.noted("settle", ledger.settle)
        self.settle_and_begin_dot = waits.noted("turn", ledger.settle_and_begin_dot)


class NoLedger:
    """Hands each mail out once, from the JSON that any queue would carry, and forgets it; ``waits``: as late as that."""

    def __init__(self, waits: Waits | None = None) -> None:
        self._payloads: deque[str] = deque()
        self._waits = waits

    def add(self, emails: Iterable[Email]) -> None:
        self._payloads.extend(map(payload_of, emails))

    def claim(self, queue: str, owner: str, limit: int) -> list[Claim]:
        del queue, owner
        self._wait("claim")
        taken = [self._payloads.popleft() for _ in range(min(limit, len(self._payloads)))]
        return [_claim(Email.from_payload(json.loads(payload))) for payload in taken]

    def suppressed(self, forward_paths: Sequence[str], mailing_list: str | None = None) -> Mapping[str, str]:
        del forward_paths, mailing_list
        return {}

    def begin_dot(self, claims: Sequence[Claim]) -> None:
        del claims
        self._wait("begin_dot")

    def settle(self, settlements: Sequence[Settlement]) -> None:
        del settlements
        self._wait("settle")

    def settle_and_begin_dot(self, settlements: Sequence[Settlement], claims: Sequence[Claim]) -> Turn:
        del settlements, claims
        self._wait("turn")
        return Turn((), ())

    def _wait(self, step: str) -> None:
        if self._waits is not None:
            self._waits.sleep(step)


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

    def deliver(self, batch: int, count: int = sys.maxsize) -> float:
        """So many of those that are due, or all, ``batch`` at once. Returns the processor seconds that it took."""
        began = processor_seconds()
        while count > 0 and (claims := self.store.claim(QUEUE, OWNER, min(batch, count))):
            count -= len(claims)
            kept = LeaseKeeper(self.ledger, claims, RENEW_EVERY) if self.ledger else nullcontext()
            with kept:
                self.courier.deliver(claims)
        return processor_seconds() - began


@contextmanager
def desk(url: str | None, port: int, window: int, waits: Waits | None = None) -> Iterator[Desk]:
    """``url``: the ledger's, with the durability that is shipped; None for none. ``waits``: the ledger notes them, and
    whoever is in its place sleeps as long.
    """
    with ExitStack() as stack:
        ledger = RedisStore(url) if url else None
        store = WatchedLedger(ledger, waits or Waits()) if ledger else NoLedger(waits)
        if ledger:
            ledger.suppress("nobody@destination.example", "so that the list is looked at")
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
