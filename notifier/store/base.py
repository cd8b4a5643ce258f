"""The `Store` protocol: the ledger as the rooms above see it.

The store is the truth and the broker is a bell. A mail is *added* once under its idempotency key; workers *claim*
what is due, under a fence and a lease; *begin_dot* is recorded before a terminator goes out; *settle* moves a mail
along one edge of `notifier.model.state.EDGES`. Each call is one atomic step per mail, and durable when it returns
(as far as the chosen durability goes). Leases and due times use the store's clock, never the worker's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from notifier.errors import Fault, StoreError
from notifier.model.address import Address
from notifier.model.email import Email
from notifier.model.octets import Octets, Source
from notifier.model.outcome import RecipientState
from notifier.model.pause import Pause
from notifier.model.spent import Spent
from notifier.model.state import MailState
from notifier.model.stopwatch import Stopwatch
from notifier.model.tenant import DEFAULT
from notifier.model.worker import WorkerRecord
from notifier.store.evidence import Evidence, Proofs, Verdict


@dataclass(frozen=True, slots=True)
class Added:
    """The answer to one added mail. ``existing``: the key had this mail already, under this id."""

    mail_id: str
    existing: bool


class Turn(NamedTuple):
    """The ids of the mails whose settlements were refused, and of those whose dots were: then no dot is recorded."""

    too_late: Sequence[str]
    lost: Sequence[str]


@dataclass(frozen=True, slots=True)
class AddResult:
    """One `Added` per mail in order, and the bells to ring: queue to bell ids, leased and not yet published. ``rung``: how
    many more were leased, and rang in the same step.
    """

    added: tuple[Added, ...]
    bells: Mapping[str, tuple[str, ...]]
    rung: int = 0


BellMessage = Callable[[str, str], tuple[str, str]]
"""Of a queue and a bell's id: the broker's list, and what a worker that waits there has to find."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail that one worker owns until its lease ends. ``fence`` grows with every claim of the mail.

    ``recipients`` holds each forward-path's state; only `PENDING`, `DEFERRED` and (after a budgeted resend)
    `UNKNOWN` ones are still to be mailed. ``attempt`` counts finished attempts; ``crashes``, ``unknowns`` and
    ``setbacks`` (`Spent`) apart (r7). ``composed`` is the message of an earlier attempt: later ones send the same octets. ``deadline_in`` is the
    seconds until the mail expires, by the store's clock at the claim, and ``until`` the same moment by this process's monotonic clock. ``owner`` is who claimed it, another with each claim, and ``epoch``
    the ledger's. ``watch`` began with it.
    """

    email: Email
    fence: int
    recipients: Mapping[str, RecipientState]
    attempt: int
    crashes: int
    unknowns: int
    deadline_in: float
    composed: Octets | None = field(default=None, repr=False)
    setbacks: int = 0
    owner: str = ""
    epoch: str = ""
    until: float = math.inf
    watch: Stopwatch = field(default_factory=Stopwatch, repr=False, compare=False)

    @property
    def mail_id(self) -> str:
        return self.email.id


@dataclass(frozen=True, slots=True)
class Settlement:
    """One edge to take: ``claim``'s mail goes to ``state``.

    For `WAITING`, ``due_in`` is seconds from now. `CLAIMED` says that some recipients are done and that the claim goes on
    with others: a dot may be begun again, and the mail is settled later. For `UNKNOWN` the store applies the mail class's policy in the
    same step: resend once (``waiting``), ``parked``, or left ``unknown`` until there is proof or the time for that is over. ``recipients`` are the states that changed. ``composed`` is
    kept for later attempts. ``spent`` says which counter rises. ``held_by``: whose pause it waits for, so that it is due at
    once when that is over. ``transcript``: what was said, where it is kept. ``wrong_addresses`` were refused for good because of what they are: they go on the suppression
    list, with what was said.
    """

    claim: Claim
    state: MailState
    due_in: float = 0.0
    recipients: Mapping[str, RecipientState] = field(default_factory=dict)
    fault: Fault | None = None
    reply: str | None = None
    relay: str | None = None
    composed: Octets | None = field(default=None, repr=False)
    spent: Spent = Spent.ATTEMPT
    held_by: str | None = None
    wrong_addresses: Mapping[str, Fault] = field(default_factory=dict)
    transcript: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class MailStatus:
    """What `notifier.status(id)` tells. Times are seconds since the epoch (store's clock).

    ``history`` has one entry an edge: ``{"at", "state", "attempt", "fault", "reply", "relay", "transcript"}`` with only what is
    known, and the transcript until the mail has ended; it never holds the context. ``tenant``: until it has ended too.
    """

    mail_id: str
    state: MailState
    queue: str
    template: str
    mail_class: str
    recipients: Mapping[str, RecipientState]
    created_at: float
    due_at: float | None
    attempt: int
    crashes: int
    unknowns: int
    setbacks: int
    history: tuple[Mapping[str, Any], ...] = ()
    tenant: str = DEFAULT

    @property
    def last_fault(self) -> Fault | None:
        """The newest fault in the history."""
        faults = (entry["fault"] for entry in reversed(self.history) if entry.get("fault"))
        return next((Fault.from_dict(fault) for fault in faults), None)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep of a queue repaired, and how it stands now. ``bells`` are leased and to be published."""

    queue: str
    leases_over: int = 0
    quarantined: int = 0
    unknown: int = 0
    parked: int = 0
    due: int = 0
    bells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Purged:
    """What was done about a person, as ids: ended mails, dead letters that can be sent no more, mails left on their way."""

    address: str
    purged: tuple[str, ...]
    discarded: tuple[str, ...]
    busy: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Epoch:
    """What a worker remembers of its ledger (r9): ``mark`` is random, and another one means other data. ``pulse`` grows
    with every look: one that has shrunk means older data under the same mark.
    """

    mark: str
    pulse: int


@dataclass(frozen=True, slots=True)
class EpochChange:
    """The ledger became another: ``why`` is "wiped or exchanged" or "restored". ``at``: seconds, when a worker saw it."""

    at: float
    was: str
    mark: str
    why: str


@dataclass(frozen=True, slots=True)
class Takeover:
    """Timers of the ledger, seconds. ``at_dot`` is dot deadline + TCP user timeout + final reply + margin (r4)."""

    lease: float = 60.0
    at_dot: float = 755.0
    bell: float = 5.0  # a bell not answered or renewed for this long may be rung again; about one sweep
    batch: int = 50  # mails that one bell is worth: backlog / batch bells are wanted
    # Where nobody has swept for so long the ledger was away. Before mails at the dot are taken over after that, the
    # workers get as long again to say what they have read meanwhile.
    grace: float = 20.0


class Store(Protocol):
    """The ledger. Every method may raise `notifier.errors.StoreUnavailable` within the store's timeout."""

    # enqueue
    def add(self, emails: Sequence[Email], message_of: BellMessage | None = None) -> AddResult:
        """Register mails under their idempotency keys and lease the bells that their queues need.

        With ``message_of`` the broker's lists are on this server, and the bell of each queue's first mail rings in the same step.

        Recipients who are on the suppression list now are `SUPPRESSED` from the beginning; the status says so at once.

        Raises `IdempotencyConflict` for a key with another body; then none of ``emails`` that came after it is added.
        """

    def put_blob(self, data: bytes | Source) -> str:
        """Keep octets under their sha256 (hex), which is returned. What a source raises passes through, with nothing kept."""

    def put_blobs(self, many: Sequence[bytes | Source]) -> list[str]:
        """The same for several, in as few steps as can be."""

    def get_blob(self, blob: str) -> bytes:
        """The octets of a blob. Raises `BlobUnavailable` where they cannot be read here."""

    def open_blob(self, blob: str) -> bytes | Source:
        """The same, for a big one: where it lies in files they are read as they are needed, and may be read again."""

    def may_collect(self) -> bool:
        """True for whoever asks first in a minute."""

    def collect_blobs(self) -> int:
        """Take away what no record needs among a sixteenth of the blobs, each time the next one; how many went."""

    # bells
    def answer(self, queue: str, bell: str, owner: str, limit: int) -> list[Claim] | None:
        """A worker slot answers the bell, or goes on with it: `claim`, in the same step. None where nothing is due: the
        bell is over then.
        """

    def claim(self, queue: str, owner: str, limit: int) -> list[Claim]:
        """Own up to ``limit`` due mails, oldest due first. Recipients who are on the suppression list
        are `SUPPRESSED` in the claims and from then on in the record, as far as their addresses are ASCII.

        A mail that has ended a worker is claimed alone, so that it takes no others along if it does so again. A record that cannot be read is quarantined; one of an unknown version is put back for later.
        """

    def ring_again(self, queue: str, bell: str) -> None:
        """The slot's time is over with mails still due: the bell counts as rung, not answered, once more."""

    # the journey
    def renew(self, claims: Sequence[Claim]) -> None:
        """The worker is still at work: those that are still its own and not at the dot last a lease longer."""

    def begin_dot(self, claims: Sequence[Claim]) -> None:
        """Record that the terminators of these mails go out now: `CLAIMED` to `AT_DOT`, all or none, durably.

        Raises `FenceRejected` naming those that are not ours any more, and those whose deadline has passed, which are
        expired now; then no other moved.
        """

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Take one edge for each mail. Raises `FenceRejected` naming those refused; the others are settled."""

    def settle_and_begin_dot(self, settlements: Sequence[Settlement], claims: Sequence[Claim]) -> Turn:
        """`settle`, then `begin_dot`, in one round trip and with one wait for the disk; what either refuses is told, not raised.

        Where it raises `StoreError`, any of it may be done.
        """

    def take_evidence(self, evidence: Evidence, *, before_restore: bool = False) -> Verdict:
        """Settle late what a final reply said while the ledger was away, whatever the sweeper has made of it since.

        A mail that was accepted is sent, and not sent again. Saying it twice is saying it once. ``before_restore``: it is of a
        claim that this data does not know, and only acceptances count.
        """

    @property
    def proofs(self) -> Proofs:
        """Mails that wait for proof, and what is proven of them."""

    # upkeep
    def sweep(self, queue: str, *, broker_idle: bool = True) -> Swept:
        """Take over what is left behind, expire, and lease bells again for what is due.

        ``broker_idle`` False says that rung bells may still lie in the broker, unread: they are not doubled, unless that is so for a
        minute.
        """

    def register_worker(self, worker: WorkerRecord, ttl: float) -> None:
        """Its main process is alive, for ``ttl`` seconds. The slots of one that drains answer no bell, and do not count."""

    def forget_worker(self, worker_id: str) -> None:
        """The worker has ended in order."""

    def live_slots(self, queue: str) -> int:
        """Slots of the workers that consume the queue and have given a sign of life in time."""

    def workers(self) -> list[WorkerRecord]:
        """Every worker that has given a sign of life in time, by name."""

    # people
    def status(self, mail_id: str) -> MailStatus | None:
        """Where a mail stands; None where the ledger does not know it."""

    def statuses(self, mail_ids: Sequence[str]) -> Iterator[MailStatus]:
        """`status` of many, with few round trips; those that the ledger does not know are left out."""

    def cancel(self, mail_id: str) -> MailState:
        """Take a waiting mail back; returns the state it is in afterwards. Raises `MailNotFound`."""

    def reschedule(self, mail_id: str, send_at: float) -> MailState:
        """Another time for a waiting mail, seconds since the epoch; returns the state that it is in afterwards.

        Raises `MailNotFound`, or `StoreError` where the mail would expire before that.
        """

    def cancel_each(self, mail_ids: Sequence[str]) -> Iterator[MailState | StoreError]:
        """`cancel` for many: each one's state afterwards, or why nothing was done, with few waits for the disk.

        Raises `StoreUnavailable`.
        """

    def reschedule_each(self, mail_ids: Sequence[str], send_at: float) -> Iterator[MailState | StoreError]:
        """`reschedule` for many, in the same way."""

    def resolve_each(
        self, mail_ids: Sequence[str], state: MailState, why: str = "", *, due_in: Sequence[float]
    ) -> Iterator[MailState | StoreError]:
        """`resolve` for many, in the same way; ``due_in`` has each one's seconds."""

    def pause(self, what: Pause, why: str) -> None:
        """Let nothing go out by it until `resume`, whatever is restarted meanwhile. Saying it twice is saying it once."""

    def resume(self, what: Pause) -> int:
        """Let it go on; mails that wait for it are due now, and their number is returned."""

    def pauses(self) -> Mapping[Pause, str]:
        """What is paused now, and why."""

    def resolve(
        self,
        mail_id: str,
        state: MailState,
        why: str = "",
        *,
        due_in: float = 0.0,
        readdress: Mapping[str, Address] | None = None,
    ) -> MailState:
        """A person's decision on a mail that is parked or waits for proof, or on a dead letter; returns the state it is in afterwards.

        ``SENT``: there is evidence that it arrived. ``WAITING``: once more, to all who have not accepted it, with its
        whole time before it and its counters at nought, due in ``due_in`` seconds; ``readdress`` gives forward-paths
        that have not accepted it another address. ``DISCARDED``: never. ``why`` goes into the history. Raises
        `MailNotFound`, or `StoreError` where the mail stands in no state that a person decides on, or somebody has
        accepted it who was to be readdressed.
        """

    def counts(self, queue: str) -> Mapping[MailState, int]:
        """Mails of a queue by state; ended ones are counted since the store began."""

    def list_mails(self, queue: str, state: MailState, limit: int = 100, skip: int = 0) -> list[MailStatus]:
        """Mails in a state, oldest first, without the first ``skip``; the states that are kept in an index: all but `SENT` and `DISCARDED`."""

    def mails_that_stay(self, queue: str, state: MailState) -> Iterator[MailStatus]:
        """Every mail that is in a state all the while, oldest first, whatever comes and goes meanwhile; the states of `list_mails`."""

    def queues(self) -> tuple[str, ...]:
        """Every queue that ever had a mail."""

    def suppress(self, forward_path: str, reason: str, mailing_list: str | None = None) -> None:
        """Never mail this address again; with a list, not by that list (`MailClass.mailing_list`)."""

    def suppressed(self, forward_paths: Sequence[str], mailing_list: str | None = None) -> Mapping[str, str]:
        """Those of the paths that are suppressed, for all mails or for that list, with the reason."""

    def purge(self, forward_path: str) -> Purged:
        """Take a person out of every mail that has ended: address, contents, references to blobs, servers' words.

        Dead letters are discarded. Ids, states and what idempotency needs stay; so does the suppression list.
        """

    def epoch(self) -> str:
        """The random mark of this store's data; another one means a wiped or restored store (r9)."""

    def look(self, remembered: Epoch | None) -> tuple[Epoch, EpochChange | None]:
        """The epoch now, durably, and what has happened to the ledger if it is another than was remembered.

        Data that has gone back under the same mark gets a new mark. Until `restore_is_over` everybody is told of it, those
        too who have only begun to look.
        """

    def epoch_changes(self) -> list[EpochChange]:
        """What its workers have seen happen to this ledger, newest last."""

    def park_after_restore(self, queue: str, before: float) -> int:
        """Park what may go only once, waits, and was added before that (seconds): it may have gone since."""

    def restore_is_over(self, mark: str) -> None:
        """What a restore under this new mark asks for is done."""

    def check(self) -> list[str]:
        """Advice for the operator: one line for each server setting that endangers mail; empty is good."""
