"""`RedisStore`: the ledger on Redis or Valkey. Every state change is one atomic script; see ``lua/``."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from notifier.errors import BlobUnavailable, FenceRejected, MailNotFound, StoreError
from notifier.model.address import Address
from notifier.model.email import Email, UnknownPayloadVersion, body_hash_of
from notifier.model.hook import HookKind
from notifier.model.ids import new_token
from notifier.model.mail_class import SHIPPED_CLASSES, Durability, MailClass
from notifier.model.octets import Source
from notifier.model.pause import Pause
from notifier.model.secret import Secret
from notifier.model.state import MailState
from notifier.model.suppression import entry_name
from notifier.model.worker import WorkerRecord, WorkerState
from notifier.store.adding import Answers, messages_of, portions_of
from notifier.store.advice import advice
from notifier.store.base import (
    AddResult,
    BellMessage,
    Claim,
    Epoch,
    EpochChange,
    MailStatus,
    Purged,
    Settlement,
    Swept,
    Takeover,
    Turn,
)
from notifier.store.blobs import Blobs, BlobsAt, InRedis, places_of
from notifier.store.blobs.blobs import GRACE
from notifier.store.blobs.place import TURNS
from notifier.store.blobs.references import referenced
from notifier.store.blobs.shared import SharedBlobs, kept
from notifier.store.bounces import RedisBounces
from notifier.store.breakers import RedisBreakers
from notifier.store.connection import Call, LedgerConnection, Plain
from notifier.store.contents import Contents
from notifier.store.deciding import Decision, decide
from notifier.store.durability import Disk
from notifier.store.ended import status_of_ended
from notifier.store.evidence import Evidence, Verdict
from notifier.store.hooks import RedisHooks
from notifier.store.keys import INDEX, Keys
from notifier.store.limits import RedisConnections, RedisRates
from notifier.store.pauses import RedisPauses
from notifier.store.proofs import RedisProofs
from notifier.store.purging import purge
from notifier.store.records import (
    STATUS_FIELDS,
    Arguments,
    UnreadableRecord,
    claim_of,
    edge_of,
    evidence_of,
    ms,
    own_blobs,
    paths_of,
    payload_of,
    readdressed,
    record_of,
    status_of,
    written,
)
from notifier.store.relay_figures import RelayFigures
from notifier.store.reports import RedisReports
from notifier.store.reservations import under_their_keys
from notifier.store.round_trips import Argument
from notifier.store.rows import Row
from notifier.store.sealing import Seal
from notifier.store.searching import BEGIN, PAGE, Piece, every_member, look_through
from notifier.store.settling import portions_of as settled_together
from notifier.store.standing import RedisStanding
from notifier.store.suppression import SuppressionList
from notifier.store.tallies import RedisTallies
from notifier.store.timing import StoreTiming
from notifier.store.workers import RedisWorkers

log = logging.getLogger(__name__)

DAY = 24 * 3600.0
SWEEP_LIMIT = 500  # mails of each kind that one sweep takes over
MOST_CRASHES = 3
UNREADABLE_WAIT = 600.0  # seconds until a record of a newer version is looked at again
BLOB_WAIT = 60.0  # seconds until a record whose content cannot be read here is looked at again
TOKEN = 12  # digits that tell the claims of one worker apart
MOST_BLOB = 256 * 2**20  # octets
COLLECT_EVERY = 60.0  # seconds; by one process for all


class RedisStore:
    """The `Store` on one Redis or Valkey. All durations are seconds.

    ``timeout`` bounds each round trip. ``durability``: ``fsync`` waits until a step is on disk (where the server has
    WAITAOF), ``aof`` and ``memory`` leave that to the server; a mail class may say otherwise for its mails. ``retention``: how long an ended mail can be asked for;
    at least the ``idempotency_window``, or the same key could send twice. Dead letters stay until a person decides.
    ``suppress_for``: how long an address that was refused for good is not mailed (a day where its domain is not known, for
    that can change any day). ``blobs`` says where attachments and other big things lie, ``blob_limit`` how many octets one may have.
    ``encryption_keys`` seal contents at rest, see `Seal`.
    ``hooks``: who is told what becomes of mails.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "notifier",
        timeout: float = 4.0,
        durability: str = "fsync",
        classes: Mapping[str, MailClass] = SHIPPED_CLASSES,
        takeover: Takeover = Takeover(),  # noqa: B008 - frozen
        retention: float = 7 * DAY,
        idempotency_window: float = DAY,
        suppress_for: float = 30 * DAY,
        blobs: BlobsAt = InRedis(),  # noqa: B008 - frozen
        blob_limit: int = MOST_BLOB,
        blob_grace: float = GRACE,
        encryption_keys: Sequence[Secret] = (),
        hooks: tuple[HookKind, ...] = (),
    ) -> None:
        if min(retention, *(c.retention or retention for c in classes.values())) < idempotency_window:
            raise ValueError("retention is shorter than the idempotency window: the same key could send twice")
        if durability not in tuple(Durability):
            raise ValueError(f"durability is one of {', '.join(Durability)}, not {durability!r}")
        self._disk = Disk(Durability(durability), classes)
        self._connection = LedgerConnection(url, timeout=timeout, durable=self._disk.ever, hooks=hooks)
        self._keys = Keys(namespace)
        self._classes = classes
        self._lists = "".join(f" {one.name} " for one in classes.values() if one.list_unsubscribe)
        self._takeover = takeover
        self._retention = retention
        self._window = idempotency_window
        self._suppress_for = suppress_for
        seal = Seal(encryption_keys)
        self._blobs = Blobs(
            places_of(blobs, self._connection, self._keys, self._home_of_blobs),
            limit=blob_limit,
            referenced=self._referenced,
            grace=blob_grace,
            seal=seal,
        )
        self._contents = Contents(self._blobs, seal)
        self.shared = SharedBlobs(self._blobs, self._connection, self._keys, blob_grace)
        self._pauses = RedisPauses(self._connection, self._keys)
        self._workers = RedisWorkers(self._connection, self._keys)

    def __repr__(self) -> str:
        return f"<RedisStore {self._connection.url} {self._keys.namespace!r}>"

    def close(self) -> None:
        """Close this process's connections."""
        self._connection.close()

    def _call(self, script: str, queue: str, *arguments: Argument) -> Call:
        return Call(script, self._keys.queue(queue), arguments)

    # enqueue --------------------------------------------------------------------------------------------------------

    def add(self, emails: Sequence[Email], message_of: BellMessage | None = None) -> AddResult:
        """See `Store.add`. One round trip; one before it where keys were given, and one behind it for suppressed recipients."""
        if not emails:
            return AddResult((), {})
        payloads = [email.to_payload() for email in emails]
        hashes = [body_hash_of(payload) for payload in payloads]
        reserved = under_their_keys(emails, hashes, connection=self._connection, keys=self._keys, window=self._window)
        names = sorted({name for email in reserved for path in paths_of(email) for name in self._entries(email, path)})
        # First, so that a mail is never in a queue that nobody can find; a queue without a mail does no harm.
        queues = Plain(("SADD", self._keys.queues, *sorted({email.queue for email in reserved})))
        portions = portions_of(reserved, self._classes)
        records = list(map(self._record, reserved, payloads, hashes))
        bells, messages = (ms(self._takeover.bell), self._takeover.batch), messages_of(portions, message_of)
        adding = [one.call(self._keys, records, bells, told) for one, told in zip(portions, messages, strict=True)]
        calls: list[Call | Plain] = [queues, self.suppression.question(names), *adding]
        _, found, *said = self._connection.run(calls, durably=self._disk.waited_for(reserved))
        answers = Answers.read(portions, said, len(reserved))
        self._screen(answers.new(reserved), self.suppression.answer(names, found))
        return answers.result(reserved)

    def _screen(self, new: Sequence[Email], suppressed: Collection[str]) -> None:
        """Mails that were added in this moment; whoever claims one before its turn here looks at the list himself."""
        theirs = ((email, self._hits(email, suppressed)) for email in new if suppressed)
        calls = [self._call("screen", email.queue, email.id, *paths) for email, paths in theirs if paths]
        if calls:
            self._connection.run(calls, durably=self._disk.waited_for(new))

    def _hits(self, email: Email, suppressed: Collection[str]) -> list[str]:
        return [path for path in paths_of(email) if any(name in suppressed for name in self._entries(email, path))]

    def _entries(self, email: Email, path: str) -> Iterator[str]:
        """The entries of the suppression list that keep a mail from a recipient."""
        yield path
        mailing_list = self._classes[email.mail_class].mailing_list(email.tenant)
        if mailing_list is not None:
            yield entry_name(path, mailing_list)

    def _record(self, email: Email, payload: dict[str, Any], body_hash: str) -> Arguments:
        payload["id"] = email.id  # the one that its key has
        kept, kept_in = self._contents.put_payload(written(payload))
        return record_of(email, kept, body_hash, kept_in)

    def put_blob(self, data: bytes | Source) -> str:
        """See `Store.put_blob`."""
        return self._blobs.put(data)

    def put_blobs(self, many: Sequence[bytes | Source]) -> list[str]:
        """See `Store.put_blobs`."""
        return self._blobs.put_all(many)

    def get_blob(self, blob: str) -> bytes:
        """See `Store.get_blob`."""
        return self._blobs.get(blob)

    def open_blob(self, blob: str) -> bytes | Source:
        """See `Store.open_blob`."""
        return self._blobs.open(blob)

    def may_collect(self) -> bool:
        """See `Store.may_collect`."""
        (won,) = self._connection.ask(("SET", self._keys.collecting, 1, "NX", "PX", ms(COLLECT_EVERY)))
        return bool(won)

    def collect_blobs(self) -> int:
        """See `Store.collect_blobs`."""
        self.suppression.forget_expired()
        (turn,) = self._connection.ask(("INCR", self._keys.collections))
        return self._blobs.collect(int(turn) % TURNS)

    def _home_of_blobs(self) -> str:
        """The folder of this ledger's blobs. Not the epoch: that changes when a backup is restored, and the blobs do not."""
        home = self._keys.home_of_blobs
        _, mark = self._connection.ask(("SET", home, uuid.uuid4().hex, "NX"), ("GET", home))
        return str(mark.decode())

    def _referenced(self, names: Sequence[str]) -> frozenset[str]:
        by_mails = referenced(names, self.queues(), self._connection, self._keys)
        return by_mails | kept(names, self._connection, self._keys)

    # bells ----------------------------------------------------------------------------------------------------------

    def ring_again(self, queue: str, bell: str) -> None:
        """See `Store.ring_again`."""
        self._connection.run([self._call("bell", queue, bell, ms(self._takeover.bell))])

    # the journey ----------------------------------------------------------------------------------------------------

    def answer(self, queue: str, bell: str, owner: str, limit: int) -> list[Claim] | None:
        """See `Store.answer`."""
        return self._claim(queue, owner, limit, bell)

    def claim(self, queue: str, owner: str, limit: int) -> list[Claim]:
        """See `Store.claim`."""
        return self._claim(queue, owner, limit) or []

    def _claim(self, queue: str, owner: str, limit: int, bell: str = "") -> list[Claim] | None:
        lease, bell_lease = ms(self._takeover.lease), ms(self._takeover.bell)
        claimant = f"{owner} {new_token()[:TOKEN]}"  # a restored ledger may give one fence twice, and to one worker
        more = (claimant, bell, bell_lease, ms(self._retention), self._keys.suppressed, self._lists)
        asked_at = time.monotonic()
        mark, rows = self._connection.run(
            [Plain(("GET", self._keys.mark_of_epoch)), self._call("claim", queue, limit, lease, *more)]
        )
        if rows is None:
            return None
        epoch = mark.decode() if mark else self.epoch()
        claims = [self._claimed(queue, Row.read(row), claimant, epoch, asked_at) for row in rows]
        return [claim for claim in claims if claim is not None]

    def _claimed(self, queue: str, row: Row, owner: str, epoch: str, asked_at: float) -> Claim | None:
        try:
            return claim_of(queue, self._contents.whole(row), owner, epoch, asked_at)
        except BlobUnavailable as error:
            self._put_back(queue, row, MailState.WAITING, str(error), BLOB_WAIT, owner=owner)
        except UnknownPayloadVersion as error:
            self._put_back(queue, row, MailState.WAITING, str(error), owner=owner)
        except UnreadableRecord as error:
            self._put_back(queue, row, MailState.QUARANTINED, str(error), owner=owner)
        return None

    def _put_back(
        self, queue: str, row: Row, state: MailState, why: str, seconds: float = UNREADABLE_WAIT, *, owner: str
    ) -> None:
        log.warning("mail %s is %s: %s", row.mail_id, state, why)
        told = (row.mail_id, row.fence, owner, state, ms(seconds), why, ms(self._retention))
        call = self._call("postpone", queue, *told)
        self._connection.run([call], durably=True)

    def renew(self, claims: Sequence[Claim]) -> None:
        """See `Store.renew`; the claims are of one queue."""
        (queue,) = {claim.email.queue for claim in claims}
        self._connection.run([self._call("renew", queue, ms(self._takeover.lease), *_ours(claims))])

    def begin_dot(self, claims: Sequence[Claim]) -> None:
        """See `Store.begin_dot`; the claims are of one queue."""
        if lost := self._turned((), claims).lost:
            raise FenceRejected(lost)

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """See `Store.settle`."""
        if not settlements:
            return
        durably = self._disk.waited_for(one.claim.email for one in settlements)
        portions = settled_together(settlements)
        answers = self._connection.run(self._settle_calls(portions), durably=durably)
        if refused := self._settled(portions, answers):
            raise FenceRejected(refused)

    def settle_and_begin_dot(self, settlements: Sequence[Settlement], claims: Sequence[Claim]) -> Turn:
        """See `Store.settle_and_begin_dot`; the claims are of one queue."""
        return self._turned(settlements, claims)

    def _turned(self, settlements: Sequence[Settlement], claims: Sequence[Claim]) -> Turn:
        (queue,) = {claim.email.queue for claim in claims}
        dot = self._call("begin_dot", queue, ms(self._takeover.at_dot), *_ours(claims))
        durably = self._disk.waited_for(one.email for one in (*(one.claim for one in settlements), *claims))
        portions = settled_together(settlements)
        *answers, lost = self._connection.run([*self._settle_calls(portions), dot], durably=durably, in_order=True)
        return Turn(self._settled(portions, answers), [mail_id.decode() for mail_id in lost])

    def _settled(self, portions: Sequence[Sequence[Settlement]], answers: Sequence[Sequence[Any]]) -> Sequence[str]:
        """Those that were refused; what the others teach is learned."""
        done = self._connection.checked(list(chain(*answers)))
        refused = [one.claim.mail_id for one, taken in zip(chain(*portions), done, strict=True) if not taken]
        self._learn_addresses([one for one in chain(*portions) if one.claim.mail_id not in refused])
        return refused

    def _learn_addresses(self, settled: Sequence[Settlement]) -> None:
        """After the settlement, and never in its way: the next refusal teaches the same."""
        try:
            for one in settled:
                for path, fault in one.wrong_addresses.items():
                    lasts = min(self._suppress_for, DAY) if fault.taxonomy_id == "D2" else self._suppress_for
                    self.suppression.learn(path, str(fault), lasts=lasts, mail_id=one.claim.mail_id)
        except StoreError as error:
            log.warning("refused addresses are not on the suppression list: %s", error)

    def _settle_calls(self, portions: Sequence[Sequence[Settlement]]) -> list[Call]:
        times = (ms(self._takeover.at_dot), ms(self._retention), ms(self._takeover.lease))
        return [
            self._call("settle", some[0].claim.email.queue, *times, *chain(*map(self._edge, some))) for some in portions
        ]

    def _edge(self, one: Settlement) -> Arguments:
        composed_in = self._contents.put_composed(one.composed)
        return edge_of(one, composed=self._contents.composed(one.composed, composed_in), composed_in=composed_in)

    def take_evidence(self, evidence: Evidence, *, before_restore: bool = False) -> Verdict:
        """See `Store.take_evidence`."""
        told = (*evidence_of(evidence), ms(self._retention), int(before_restore), evidence.owner)
        call = self._call("evidence", evidence.queue, *told)
        (verdict,) = self._connection.run([call], durably=True)
        return Verdict(verdict.decode())

    # upkeep ---------------------------------------------------------------------------------------------------------

    def sweep(self, queue: str, *, broker_idle: bool = True) -> Swept:
        """See `Store.sweep`."""
        call = self._call(
            "sweep",
            queue,
            SWEEP_LIMIT,
            int(broker_idle),
            ms(self._takeover.bell),
            self._takeover.batch,
            uuid.uuid4().hex,
            MOST_CRASHES,
            ms(self._retention),
            ms(self._takeover.grace),
            *map(str, self.pauses()),
        )
        (answer,) = self._connection.run([call], durably=True)
        over, quarantined, unknown, parked, due, *bells = answer
        return Swept(queue, over, quarantined, unknown, parked, due, tuple(bell.decode() for bell in bells))

    def register_worker(self, worker: WorkerRecord, ttl: float) -> None:
        """See `Store.register_worker`."""
        if not worker.queues:
            self._connection.run([self._workers.lives(worker, ttl)])
            return
        answers = worker.state is WorkerState.RUNNING
        slots = ("lives", worker.id, worker.concurrency, ms(ttl)) if answers else ("ends", worker.id)
        calls = [self._call("worker", queue, *slots) for queue in worker.queues]
        queues = Call("remember", self._keys.queues, worker.queues)
        self._connection.run([queues, self._workers.lives(worker, ttl), *calls])

    def forget_worker(self, worker_id: str) -> None:
        """See `Store.forget_worker`."""
        calls = [self._call("worker", queue, "ends", worker_id) for queue in self.queues()]
        self._connection.run([self._workers.ends(worker_id), *calls])

    def live_slots(self, queue: str) -> int:
        """See `Store.live_slots`."""
        (slots,) = self._connection.run([self._call("worker", queue, "count")])
        return int(slots)

    def workers(self) -> list[WorkerRecord]:
        """See `Store.workers`."""
        return self._workers.all()

    @property
    def breakers(self) -> RedisBreakers:
        """Circuit breakers that all replicas share."""
        return RedisBreakers(self._connection, self._keys)

    @property
    def pause_board(self) -> RedisPauses:
        """What is paused, for whoever asks before each mail."""
        return self._pauses

    @property
    def hooks(self) -> RedisHooks:
        """What hooks are still to be told."""
        return RedisHooks(self._connection, self._keys)

    @property
    def reports(self) -> RedisReports:
        """Which periods of reports are open, and what became of the others."""
        return RedisReports(self._connection, self._keys)

    @property
    def tallies(self) -> RedisTallies:
        """What became of mails, counted by day, template and domain."""
        return RedisTallies(self._connection, self._keys)

    @property
    def standing(self) -> RedisStanding:
        """How everything stands, as numbers."""
        return RedisStanding(self._connection, self._keys)

    @property
    def proofs(self) -> RedisProofs:
        """See `Store.proofs`."""
        return RedisProofs(self._connection, self._keys, self._contents, self._retention)

    @property
    def rates(self) -> RedisRates:
        """Token buckets that all replicas share."""
        return RedisRates(self._connection, self._keys)

    @property
    def connections(self) -> RedisConnections:
        """Connections to relays, counted over all replicas."""
        return RedisConnections(self._connection, self._keys)

    @property
    def relay_figures(self) -> RelayFigures:
        """What is counted of relays and rates, for people."""
        return RelayFigures(self._connection, self._keys)

    @property
    def timing(self) -> StoreTiming:
        """How long the server takes."""
        return StoreTiming(self._connection, self._keys)

    # people ---------------------------------------------------------------------------------------------------------

    def status(self, mail_id: str) -> MailStatus | None:
        """See `Store.status`."""
        found = self._statuses([(queue, mail_id) for queue in self.queues()])
        return next(iter(found), None)

    def statuses(self, mail_ids: Sequence[str]) -> Iterator[MailStatus]:
        """See `Store.statuses`."""
        queues = self.queues()
        many = max(1, PAGE // max(1, len(queues)))
        for first in range(0, len(mail_ids), many):
            part = mail_ids[first : first + many]
            yield from self._statuses([(queue, mail_id) for mail_id in part for queue in queues])

    def _statuses(self, places: Sequence[tuple[str, str]]) -> list[MailStatus]:
        """Those of the mails that are where they are said to be."""
        commands: list[tuple[Argument, ...]] = []
        for queue, mail_id in places:
            commands.append(("HMGET", self._keys.mail(queue, mail_id), *STATUS_FIELDS))
            commands.append(("LRANGE", self._keys.history(queue, mail_id), 0, -1))
            commands.append(("GET", self._keys.ended_mail(queue, mail_id)))
        answers = iter(self._connection.ask(*commands))
        found = (_status_of(*place, *three) for place, *three in zip(places, answers, answers, answers, strict=True))
        return [one for one in found if one is not None]

    def look_through(
        self, fits: Callable[[MailStatus], bool], *, wanted: int = 100, begin: str = BEGIN, **bounds: float
    ) -> Piece:
        """The mails that fit, in any state and no order, a piece at a time; see `notifier.store.searching`."""
        return look_through(
            fits,
            connection=self._connection,
            keys=self._keys,
            statuses=self._statuses,
            begin=begin,
            wanted=wanted,
            **bounds,
        )

    def holder(self, idempotency_key: str) -> str | None:
        """The id of the mail that has the key, while the key is kept."""
        (found,) = self._connection.ask(("GET", self._keys.holder(idempotency_key)))
        return None if found is None else str(json.loads(found)[0])

    def email(self, mail_id: str) -> Email | None:
        """What a mail says, for people to see through `notifier.delivery.redaction`; None where it is not kept any more.

        Raises `BlobUnavailable`, or `ValueError`, `KeyError` or `TypeError` for what cannot be read.
        """
        found = self._connection.ask(*(("HGET", self._keys.mail(one, mail_id), "payload") for one in self.queues()))
        kept = next((payload for payload in found if payload is not None), None)
        return None if kept is None else Email.from_payload(json.loads(self._contents.payload(kept)))

    def cancel(self, mail_id: str) -> MailState:
        """See `Store.cancel`."""
        return _only(self.cancel_each([mail_id]))

    def cancel_each(self, mail_ids: Sequence[str]) -> Iterator[MailState | StoreError]:
        """See `Store.cancel_each`."""
        return self._decide("cancel", [(mail_id, (ms(self._retention),)) for mail_id in mail_ids])

    def reschedule(self, mail_id: str, send_at: float) -> MailState:
        """See `Store.reschedule`."""
        return _only(self.reschedule_each([mail_id], send_at))

    def reschedule_each(self, mail_ids: Sequence[str], send_at: float) -> Iterator[MailState | StoreError]:
        """See `Store.reschedule_each`."""
        return self._decide("reschedule", [(mail_id, (ms(send_at),)) for mail_id in mail_ids])

    def pause(self, what: Pause, why: str) -> None:
        """See `Store.pause`."""
        self._pauses.pause(what, why)

    def resume(self, what: Pause) -> int:
        """See `Store.resume`."""
        return self._pauses.resume(what, self.queues())

    def pauses(self) -> Mapping[Pause, str]:
        """See `Store.pauses`."""
        return self._pauses.all()

    def resolve(
        self,
        mail_id: str,
        state: MailState,
        why: str = "",
        *,
        due_in: float = 0.0,
        readdress: Mapping[str, Address] | None = None,
    ) -> MailState:
        """See `Store.resolve`."""
        if not readdress:
            return _only(self.resolve_each([mail_id], state, why, due_in=[due_in]))
        arguments = self._resolution(state, why, due_in)
        queue, edit = self._readdressed(mail_id, readdress)
        (answer,) = self._connection.run([self._call("resolve", queue, mail_id, *arguments, *edit)], durably=True)
        if answer == b"edited":
            raise StoreError(f"mail {mail_id} was changed by somebody else meanwhile; look at it again")
        return MailState(answer.decode())

    def _readdressed(self, mail_id: str, readdress: Mapping[str, Address]) -> tuple[str, Arguments]:
        """The mail's queue, and the arguments of ``resolve.lua`` that edit it."""
        queues = self.queues()
        found = self._connection.ask(
            *(("HMGET", self._keys.mail(queue, mail_id), "payload", "recipients") for queue in queues)
        )
        for queue, (payload, recipients) in zip(queues, found, strict=True):
            if payload is not None:
                whole = self._contents.payload(payload).decode()
                before, edited, after = readdressed(whole, recipients.decode(), readdress)
                kept, kept_in = self._contents.put_payload(payload_of(edited))
                return queue, (before, kept, after, own_blobs(edited, kept_in))
        raise MailNotFound(f"no mail {mail_id} with its content in the store")

    def resolve_each(
        self, mail_ids: Sequence[str], state: MailState, why: str = "", *, due_in: Sequence[float]
    ) -> Iterator[MailState | StoreError]:
        """See `Store.resolve_each`."""
        told = (self._resolution(state, why, seconds) for seconds in due_in)
        return self._decide("resolve", list(zip(mail_ids, told, strict=True)))

    def _resolution(self, state: MailState, why: str, due_in: float) -> tuple[Argument, ...]:
        return (state, why or "a person decided", ms(self._retention), ms(due_in))

    def _decide(self, script: str, decisions: Sequence[Decision]) -> Iterator[MailState | StoreError]:
        return decide(script, decisions, connection=self._connection, keys=self._keys, queues=self.queues())

    def counts(self, queue: str) -> Mapping[MailState, int]:
        """See `Store.counts`."""
        sizes = [("ZCARD", self._keys.index(queue, state)) for state in INDEX]
        *present, ended = self._connection.ask(*sizes, ("HGETALL", self._keys.ended(queue)))
        counted = {MailState(state.decode()): int(count) for state, count in ended.items()}
        # Cancelled mails are in both: since the store began is what is asked for.
        return {**dict.fromkeys(MailState, 0), **dict(zip(INDEX, present, strict=True)), **counted}

    def list_mails(self, queue: str, state: MailState, limit: int = 100, skip: int = 0) -> list[MailStatus]:
        """See `Store.list_mails`."""
        if state not in INDEX:
            return []
        (ids,) = self._connection.ask(("ZRANGE", self._keys.index(queue, state), skip, skip + limit - 1))
        return self._statuses([(queue, mail_id.decode()) for mail_id in ids])

    def mails_that_stay(self, queue: str, state: MailState) -> Iterator[MailStatus]:
        """See `Store.mails_that_stay`."""
        if state not in INDEX:
            return
        ids = every_member(self._connection, self._keys.index(queue, state))
        for first in range(0, len(ids), PAGE):
            found = self._statuses([(queue, mail_id) for mail_id in ids[first : first + PAGE]])
            yield from (mail for mail in found if mail.state is state)

    def queues(self) -> tuple[str, ...]:
        """See `Store.queues`."""
        (members,) = self._connection.ask(("SMEMBERS", self._keys.queues))
        return tuple(sorted(member.decode() for member in members))

    def suppress(self, forward_path: str, reason: str, mailing_list: str | None = None) -> None:
        """See `Store.suppress`."""
        self.suppression.add(forward_path, reason, mailing_list=mailing_list)

    def suppressed(self, forward_paths: Sequence[str], mailing_list: str | None = None) -> Mapping[str, str]:
        """See `Store.suppressed`."""
        return {path: entry.reason for path, entry in self.suppression.of(forward_paths, mailing_list).items()}

    @property
    def suppression(self) -> SuppressionList:
        """The suppression list, for people and for `Store.suppress`."""
        return SuppressionList(self._connection, self._keys)

    @property
    def bounces(self) -> RedisBounces:
        """What is reported of mails that a relay has taken."""
        return RedisBounces(self._connection, self._keys, self._retention)

    def purge(self, forward_path: str) -> Purged:
        """See `Store.purge`."""
        return purge(forward_path, connection=self._connection, keys=self._keys, retention=self._retention)

    def epoch(self) -> str:
        """See `Store.epoch`."""
        ((mark,),) = self._connection.run([self._epoch_call()])
        return str(mark.decode())

    def _epoch_call(self, *remembered: Argument) -> Call:
        return Call("epoch", self._keys.epoch, (uuid.uuid4().hex, *remembered))

    def look(self, remembered: Epoch | None) -> tuple[Epoch, EpochChange | None]:
        """See `Store.look`. Durably: a pulse that a worker has seen and the disk has not would look like a restore."""
        known = remembered or Epoch("", 0)
        (answer,) = self._connection.run([self._epoch_call(known.mark, known.pulse)], durably=True)
        mark, pulse, *change = answer
        epoch = Epoch(mark.decode(), pulse)
        if not change:
            return epoch, None
        at, why = change
        return epoch, EpochChange(at / 1000, known.mark, epoch.mark, why.decode())

    def epoch_changes(self) -> list[EpochChange]:
        """See `Store.epoch_changes`."""
        (found,) = self._connection.ask(("LRANGE", f"{self._keys.epoch}changes", 0, -1))
        changes = [json.loads(one) for one in found]
        return [EpochChange(one["at"] / 1000, one["was"], one["mark"], one["why"]) for one in changes]

    def park_after_restore(self, queue: str, before: float) -> int:
        """See `Store.park_after_restore`."""
        parked, rank = 0, 0
        while rank >= 0:
            call = self._call("park", queue, ms(before), SWEEP_LIMIT, rank)
            ((more, rank),) = self._connection.run([call], durably=True)
            parked += more
        return parked

    def restore_is_over(self, mark: str) -> None:
        """See `Store.restore_is_over`."""
        self._connection.run([Call("restore_over", self._keys.epoch, (mark,))], durably=True)

    def check(self) -> list[str]:
        """See `Store.check`."""
        return advice(self._connection)


def _only(answers: Iterator[MailState | StoreError]) -> MailState:
    (answer,) = answers
    if isinstance(answer, StoreError):
        raise answer
    return answer


def _ours(claims: Sequence[Claim]) -> Iterator[Argument]:
    for claim in claims:
        yield from (claim.mail_id, claim.fence, claim.owner)


def _status_of(
    queue: str, mail_id: str, fields: Sequence[bytes | None], history: Sequence[bytes], left: bytes | None
) -> MailStatus | None:
    if left is not None:
        return status_of_ended(queue, mail_id, left)
    return status_of(queue, mail_id, fields, history)
