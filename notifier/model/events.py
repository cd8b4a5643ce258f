"""What happens to mails and sessions, as values; listeners get them after the fact and never in the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from notifier.errors import Fault
from notifier.model.state import MailState
from notifier.model.stopwatch import Took


@dataclass(frozen=True, slots=True)
class MailSettled:
    """A mail moved along an edge of the ledger because of an attempt. ``seconds`` since it was enqueued.

    ``template`` is None where it is not known any more, and empty for a message of the application's own. ``began`` and
    ``took``: the attempt's stopwatch. ``trace``: `Email.trace`.
    """

    mail_id: str
    queue: str
    state: MailState
    attempt: int
    seconds: float
    relay: str | None = None
    reply: str | None = None
    fault: Fault | None = None
    template: str | None = None
    recipients: tuple[str, ...] = field(default=(), repr=False)
    trace: str = ""
    began: float | None = None
    took: Sequence[Took] = ()


@dataclass(frozen=True, slots=True)
class MailsDelivered:
    """A worker is done with what it claimed at once. ``began``: seconds since the epoch."""

    queue: str
    mails: int
    began: float
    seconds: float


@dataclass(frozen=True, slots=True)
class MailHeld:
    """A mail waits, for it is over these limits: ``tenant …``, ``domain …``, ``relay …``."""

    queue: str
    limits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A connection to a relay was made and is ready for mail. ``session`` is its number in the pool, from 1."""

    relay: str
    session: int
    tls: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class SessionNotOpened:
    """No connection to a relay could be made, or it was not ready for mail after ``seconds``."""

    relay: str
    seconds: float
    why: str


@dataclass(slots=True, unsafe_hash=True)
class SessionReused:
    """A parked session was lent again, after ``transactions`` earlier mails.

    Not frozen, though nobody may change it: there is one for each checkout, and freezing trebles what it costs to make.
    """

    relay: str
    session: int
    transactions: int


@dataclass(slots=True, unsafe_hash=True)
class SessionParked:
    """A session came back and may be lent again. Not frozen for the same reason."""

    relay: str
    session: int


@dataclass(frozen=True, slots=True)
class SessionWaited:
    """Somebody had to wait for a place in the pool, or for their turn to connect, and has it now."""

    relay: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SessionMissed:
    """Somebody got no place in the pool, or was refused a turn to connect, after ``seconds``.

    ``why``: "place" (their time was over) or "turn" (all replicas together have the connections that the relay takes, or
    others wait for it to answer). Whoever was refused a turn may wait for a session of this pool instead.
    """

    relay: str
    seconds: float
    why: str = "place"


@dataclass(frozen=True, slots=True)
class SessionRetired:
    """A session left the pool.

    ``reason``: idle, age, uses (its time or its mails were over); peer_closed, said_421 (the relay ended it); doubt
    (where it stands is not known); drained, closed (we were told to); fork (it is the parent's). ``lent``: it was lent
    until now, and not parked.
    """

    relay: str
    session: int
    reason: str
    transactions: int
    lent: bool = False


@dataclass(frozen=True, slots=True)
class BreakerOpened:
    """Mails for the relay wait for ``seconds`` now. ``about``: host or account."""

    relay: str
    about: str
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class BreakerClosed:
    """The relay is in use again."""

    relay: str


@dataclass(frozen=True, slots=True)
class RelayComplained:
    """The relay gets too much: all replicas make do with fewer connections. ``connections`` it has now; 0: not known."""

    relay: str
    connections: int
    why: str


@dataclass(frozen=True, slots=True)
class MailsSwept:
    """A sweep of a queue: how many mails each repair touched, and how many bells it rang."""

    queue: str
    leases_over: int
    quarantined: int
    unknown: int
    parked: int
    rung: int


@dataclass(frozen=True, slots=True)
class LedgerChanged:
    """The store holds other data than before: ``why`` is "wiped or exchanged" or "restored". ``parked``: mails that may
    go only once and now wait for a person.
    """

    was: str
    now: str
    why: str
    parked: int


Event = (
    MailSettled
    | MailsDelivered
    | MailHeld
    | SessionOpened
    | SessionNotOpened
    | SessionReused
    | SessionParked
    | SessionWaited
    | SessionMissed
    | SessionRetired
    | BreakerOpened
    | BreakerClosed
    | RelayComplained
    | MailsSwept
    | LedgerChanged
)


class Listener(Protocol):
    """Whoever wants to know. Must not raise and must not wait.

    One that has a method ``hears_turns`` is asked by it whether it wants `SessionReused` and `SessionParked` now.
    """

    def __call__(self, event: Event, /) -> None: ...


def hears_turns(listener: Listener) -> Callable[[], bool]:
    """What says whether the listener wants what there is one of for each checkout. Whoever does not say so wants it."""
    found: Callable[[], bool] = getattr(listener, "hears_turns", _always)
    return found


def _always() -> bool:
    return True


def ignore(event: Event, /) -> None:
    """The listener that nobody has to give."""
