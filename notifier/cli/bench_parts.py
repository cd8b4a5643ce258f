"""What `notifier bench` measures. Each part ends after its seconds, or after so many mails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from notifier.cli.bench_sink import sink
from notifier.errors import NotifierError
from notifier.model.address import Address
from notifier.model.email import Email
from notifier.model.envelope import MailObject
from notifier.model.ids import new_mail_id
from notifier.model.outcome import Outcome
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.tasks.runtime import Runtime

MOST = 1_000  # mails for the server on the loopback, which keeps them in memory
AT_ONCE = 50  # mails, as a worker claims them
WARM = 40  # a template is linked when it was used some times


@dataclass(frozen=True, slots=True)
class Figure:
    """``what`` was measured, ``value`` in ``unit``."""

    part: str
    what: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A template with a context."""

    template: str
    context: dict[str, Any]
    locale: str | None
    to: Address

    def email(self) -> Email:
        """Another mail each time."""
        mail_id = new_mail_id()
        return Email(mail_id, self.template, (self.to,), self.context, mail_id, time.time(), locale=self.locale)


def composing(mine: Runtime, letter: Letter, seconds: float) -> Iterator[Figure]:
    """Render and compose, as a worker does, in one process."""
    _composed(mine, letter, WARM)
    count, octets, began, used = 0, 0, time.perf_counter(), time.process_time()
    while not count or time.perf_counter() - began < seconds:
        (mail,) = _composed(mine, letter, 1)
        count, octets = count + 1, octets + len(mail.data)
    took, used = time.perf_counter() - began, time.process_time() - used
    yield Figure("compose", f"{letter.template}: mails rendered and composed", count / took, "a second")
    yield Figure("compose", "processor time of each", used / count * 1e6, "µs")
    yield Figure("compose", "size of each", octets / count, "octets")


def _composed(mine: Runtime, letter: Letter, count: int) -> list[MailObject]:
    path = (letter.to.forward_path,)
    return [mine.composer.compose(letter.email(), path) for _ in range(count)]


def storing(mine: Runtime, letter: Letter, seconds: float) -> Iterator[Figure]:
    """The store's answer, and its disk. Nothing of the ledger is touched."""
    timing, octets = mine.store.timing, len(json.dumps(letter.context).encode())
    durability = mine.settings.durability
    for what, measure in (
        ("an answer of the store", timing.round_trip),
        (f"a mail's context written, durability={durability}", lambda: timing.commit(octets)),
    ):
        yield from _percentiles("store", what, list(_repeated(measure, seconds / 2)))


def _repeated(measure: Callable[[], float], seconds: float) -> Iterator[float]:
    measure()  # the first opens the connection
    ends = time.monotonic() + seconds
    yield measure()
    while time.monotonic() < ends:
        yield measure()


def _percentiles(part: str, what: str, found: Sequence[float]) -> Iterator[Figure]:
    every = sorted(found)
    for name, at in (("median", 0.5), ("p99", 0.99)):
        yield Figure(part, f"{what}, {name}", every[min(len(every) - 1, int(at * len(every)))] * 1000, "ms")


def sending(mine: Runtime, letter: Letter, seconds: float) -> Iterator[Figure]:
    """SMTP to a server of our own, which is Python too and the slower of both."""
    with sink() as port, Session.open(Endpoint("127.0.0.1", port, tls=TLSPolicy.NONE)) as session:
        count, took, ends = 0, 0.0, time.monotonic() + seconds
        while not count or (time.monotonic() < ends and count < MOST):
            mails = _composed(mine, letter, AT_ONCE)
            took += _handed_over(session, mails)
            count += len(mails)
    yield Figure("smtp", "mails to a server of its own on the loopback", count / took, "a second")


def relaying(mine: Runtime, letter: Letter, endpoint: Endpoint, count: int) -> Iterator[Figure]:
    """So many real mails by a relay, on one session, as many as it takes on it."""
    began = time.perf_counter()
    with Session.open(endpoint) as session:
        opened, took = time.perf_counter() - began, 0.0
        mails = iter(_composed(mine, letter, count))
        while portion := list(islice(mails, AT_ONCE)):
            took += _handed_over(session, portion)
    yield Figure("relay", f"{endpoint.name}: session opened", opened * 1000, "ms")
    yield Figure("relay", f"{endpoint.name}: mails accepted", count / took, "a second")


def _handed_over(session: Session, mails: Sequence[MailObject]) -> float:
    began = time.perf_counter()
    for outcome in session.send_many(mails):
        _check(outcome)
    return time.perf_counter() - began


def _check(outcome: Outcome) -> None:
    if outcome.faults:
        fault = next(iter(outcome.faults))
        raise NotifierError(f"a mail was not accepted, and nothing was measured: {fault.text}")
