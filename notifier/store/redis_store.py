"""`RedisStore`: the ledger on Redis or Valkey. Every state change is one atomic script; see ``lua/``."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from notifier.errors import FenceRejected, IdempotencyConflict, MailNotFound, StoreError
from notifier.model.email import Email, UnknownPayloadVersion
from notifier.model.mail_class import SHIPPED_CLASSES, MailClass
from notifier.model.outcome import RecipientState
from notifier.model.state import MailState
from notifier.store.advice import advice
from notifier.store.base import Added, AddResult, Claim, MailStatus, Settlement, Swept, Takeover
from notifier.store.connection import Call, LedgerConnection

DAY = 24 * 3600.0
SWEEP_LIMIT = 500  # mails of each kind that one sweep takes over
MOST_CRASHES = 3
UNREADABLE_WAIT = 600_000  # milliseconds until a record of a newer version is looked at again
_COUNTED = frozenset({MailState.SENT, MailState.DISCARDED, MailState.CANCELLED})
_INDEX = {MailState.WAITING: "due", MailState.CLAIMED: "lease", MailState.AT_DOT: "dot"}


def blob_name(data: bytes) -> str:
    """The name of a blob: its sha256, hex."""
    return hashlib.sha256(data).hexdigest()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _text(octets: object) -> str:
    """An answer of the client, whose types say more than it returns."""
    return octets.decode() if isinstance(octets, bytes) else str(octets)


class RedisStore:
    """The `Store` on one Redis or Valkey. All durations are seconds.

    ``durability``: ``fsync`` waits until a step is on disk (where the server has WAITAOF), ``aof`` and ``memory``
    leave that to the server. ``retention``: how long an ended mail can be asked for; at least the
    ``idempotency_window``, or the same key could send twice.
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
    ) -> None:
        if retention < idempotency_window:
            raise ValueError("retention is shorter than the idempotency window: the same key could send twice")
        self._connection = LedgerConnection(url, timeout=timeout, durable=durability == "fsync")
        self._namespace = namespace
        self._classes = classes
        self._takeover = takeover
        self._retention = retention
        self._window = idempotency_window
        self._blob_life = max(c.deadline for c in classes.values()) + retention
        self._known_queues: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<RedisStore {self._connection.shown} {self._namespace!r}>"

    def close(self) -> None:
        """Close this process's connections."""
        self._connection.close()

    def _prefix(self, queue: str) -> str:
        return f"{self._namespace}:{{{queue}}}:"

    # enqueue --------------------------------------------------------------------------------------------------------

    def add(self, emails: Sequence[Email]) -> AddResult:
        """See `Store.add`. Two round trips where keys were given, one where not."""
        reserved = self._reserve(emails)
        answers = self._connection.run([self._add_call(email) for email in reserved], durably=True)
        added: list[Added] = []
        bells: dict[str, list[str]] = {}
        for asked, email, (created, bell) in zip(emails, reserved, answers, strict=True):
            if created < 0:
                raise IdempotencyConflict(asked.idempotency_key, email.id)
            added.append(Added(email.id, existing=created == 0))
            if bell:
                bells.setdefault(email.queue, []).append(bell.decode())
        self._remember_queues({email.queue for email in reserved})
        return AddResult(tuple(added), {queue: tuple(ids) for queue, ids in bells.items()})

    def _reserve(self, emails: Sequence[Email]) -> list[Email]:
        """Take each given key for its mail, or find the mail that has it: in its own slot, before the queue's.

        A crash between the two leaves a key without a mail; the next call with that key adds it under the same id.
        """
        keyed = [email for email in emails if email.idempotency_key != email.id]
        if not keyed:
            return list(emails)
        with self._connection.translated(), self._connection.client().pipeline(transaction=False) as pipeline:
            for email in keyed:
                claim = json.dumps([email.id, email.queue, email.body_hash])
                pipeline.set(self._key_of(email), claim, nx=True, get=True, ex=round(self._window))
            holders = pipeline.execute()
        found = {id(email): holder for email, holder in zip(keyed, holders, strict=True)}
        return [self._under_its_key(email, found.get(id(email))) for email in emails]

    def _key_of(self, email: Email) -> str:
        return f"{self._namespace}:{{k:{hashlib.sha256(email.idempotency_key.encode()).hexdigest()}}}"

    @staticmethod
    def _under_its_key(email: Email, holder: bytes | None) -> Email:
        if holder is None:
            return email
        mail_id, queue, body = json.loads(holder)
        if body != email.body_hash or queue != email.queue:
            raise IdempotencyConflict(email.idempotency_key, mail_id)
        return email.with_id(mail_id)

    def _add_call(self, email: Email) -> Call:
        mail_class = self._classes[email.mail_class]
        recipients = {address.forward_path: RecipientState.PENDING for address in email.recipients}
        arguments: tuple[str | int, ...] = (
            email.id,
            json.dumps(email.to_payload(), ensure_ascii=False, separators=(",", ":")),
            email.body_hash,
            json.dumps(recipients, ensure_ascii=False),
            "" if email.send_at is None else _ms(email.send_at),
            "" if email.expires_at is None else _ms(email.expires_at),
            _ms(mail_class.deadline),
            email.template,
            mail_class.name,
            mail_class.delivery,
            "" if mail_class.resend_after is None else _ms(mail_class.resend_after),
            uuid.uuid4().hex,
            _ms(self._takeover.bell),
            self._takeover.batch,
        )
        return Call("add", self._prefix(email.queue), arguments)

    def _remember_queues(self, queues: set[str]) -> None:
        if queues <= self._known_queues:  # a wiped store learns them again from the workers' sign of life
            return
        with self._connection.translated():
            self._connection.client().sadd(f"{self._namespace}:queues", *sorted(queues))
        self._known_queues |= queues

    def put_blob(self, data: bytes) -> str:
        """See `Store.put_blob`."""
        name = blob_name(data)
        key = f"{self._namespace}:blob:{name}"
        with self._connection.translated():
            if not self._connection.client().expire(key, round(self._blob_life)):
                self._connection.client().set(key, data, ex=round(self._blob_life))
        return name

    def get_blob(self, blob: str) -> bytes:
        """See `Store.get_blob`."""
        with self._connection.translated():
            data = self._connection.client().get(f"{self._namespace}:blob:{blob}")
        if not isinstance(data, bytes):
            raise StoreError(f"the attachment {blob} is not in the store any more")
        return data

    # bells ----------------------------------------------------------------------------------------------------------

    def answer_bell(self, queue: str, bell: str) -> None:
        """See `Store.answer_bell`."""
        self._bell(queue, "answer", bell)

    def close_bell(self, queue: str, bell: str) -> bool:
        """See `Store.close_bell`."""
        return self._bell(queue, "close", bell) == 1

    def ring_again(self, queue: str, bell: str) -> None:
        """See `Store.ring_again`."""
        self._bell(queue, "again", bell)

    def _bell(self, queue: str, verb: str, bell: str) -> int:
        call = Call("bell", self._prefix(queue), (verb, bell, _ms(self._takeover.bell)))
        return int(self._connection.run([call])[0])

    def claim(self, queue: str, owner: str, limit: int, bell: str | None = None) -> list[Claim]:
        """See `Store.claim`."""
        takeover = self._takeover
        arguments = (limit, _ms(takeover.lease), owner, bell or "", _ms(takeover.bell), _ms(self._retention))
        (rows,) = self._connection.run([Call("claim", self._prefix(queue), arguments)])
        claims = (self._claimed(queue, row) for row in rows)
        return [claim for claim in claims if claim is not None]

    def _claimed(self, queue: str, row: Sequence[Any]) -> Claim | None:
        mail_id, fence, payload, recipients, attempt, crashes, unknowns, deadline_in, composed = row
        try:
            email = Email.from_payload(json.loads(payload))
        except UnknownPayloadVersion as error:
            self._put_back(queue, mail_id, fence, MailState.WAITING, str(error))
            return None
        except (ValueError, KeyError, TypeError) as error:
            words = f"the record cannot be read: {type(error).__name__}"
            self._put_back(queue, mail_id, fence, MailState.QUARANTINED, words)
            return None
        states = {path: RecipientState(state) for path, state in json.loads(recipients).items()}
        return Claim(email, fence, states, attempt, crashes, unknowns, deadline_in / 1000, composed or None)

    def _put_back(self, queue: str, mail_id: bytes, fence: int, state: MailState, why: str) -> None:
        arguments = (mail_id, fence, state, UNREADABLE_WAIT, why, _ms(self._retention))
        self._connection.run([Call("postpone", self._prefix(queue), arguments)], durably=True)

    # the journey ----------------------------------------------------------------------------------------------------

    def begin_dot(self, claims: Sequence[Claim]) -> None:
        """See `Store.begin_dot`; the claims are of one queue."""
        (queue,) = {claim.email.queue for claim in claims}
        pairs = [part for claim in claims for part in (claim.mail_id, claim.fence)]
        call = Call("begin_dot", self._prefix(queue), (_ms(self._takeover.at_dot), *pairs))
        (lost,) = self._connection.run([call], durably=True)
        if lost:
            raise FenceRejected([mail_id.decode() for mail_id in lost])

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """See `Store.settle`."""
        answers = self._connection.run([self._settle_call(one) for one in settlements], durably=True)
        refused = [one.claim.mail_id for one, done in zip(settlements, answers, strict=True) if not done]
        if refused:
            raise FenceRejected(refused)

    def _settle_call(self, one: Settlement) -> Call:
        entry = {
            "fault": one.fault.to_dict() if one.fault else None,
            "reply": one.reply,
            "relay": one.relay,
        }
        arguments = (
            one.claim.mail_id,
            one.claim.fence,
            one.state,
            _ms(one.due_in),
            json.dumps(dict(one.recipients), ensure_ascii=False),
            int(one.counts),
            json.dumps({name: value for name, value in entry.items() if value is not None}, ensure_ascii=False),
            one.composed or b"",
            _ms(self._takeover.at_dot),
            _ms(self._retention),
        )
        return Call("settle", self._prefix(one.claim.email.queue), arguments)

    # upkeep ---------------------------------------------------------------------------------------------------------

    def sweep(self, queue: str, *, broker_idle: bool = True) -> Swept:
        """See `Store.sweep`."""
        takeover = self._takeover
        arguments = (
            SWEEP_LIMIT,
            int(broker_idle),
            _ms(takeover.bell),
            takeover.batch,
            uuid.uuid4().hex,
            MOST_CRASHES,
            _ms(self._retention),
        )
        call = Call("sweep", self._prefix(queue), arguments)
        (answer,) = self._connection.run([call], durably=True)
        over, quarantined, unknown, parked, due, *bells = answer
        return Swept(queue, over, quarantined, unknown, parked, due, tuple(bell.decode() for bell in bells))

    def register_worker(self, owner: str, slots: int, queues: Sequence[str], ttl: float) -> None:
        """See `Store.register_worker`."""
        self._connection.run([Call("worker", self._prefix(queue), (owner, slots, _ms(ttl))) for queue in queues])
        self._known_queues -= set(queues)
        if queues:
            self._remember_queues(set(queues))

    def forget_worker(self, owner: str) -> None:
        """See `Store.forget_worker`."""
        calls = [Call("worker", self._prefix(queue), (owner, 0, 0)) for queue in self.queues()]
        if calls:
            self._connection.run(calls)

    def live_slots(self, queue: str) -> int:
        """See `Store.live_slots`."""
        prefix = self._prefix(queue)
        with self._connection.translated():
            client = self._connection.client()
            seconds, microseconds = client.time()
            owners = client.zrangebyscore(f"{prefix}workers", seconds * 1000 + microseconds // 1000, "+inf")
            slots = client.hmget(f"{prefix}slots", [_text(owner) for owner in owners]) if owners else []
        return sum(int(count) for count in slots if count is not None)

    # people ---------------------------------------------------------------------------------------------------------

    def status(self, mail_id: str) -> MailStatus | None:
        """See `Store.status`."""
        for queue in self.queues():
            if (found := self._status_in(queue, mail_id)) is not None:
                return found
        return None

    def _status_in(self, queue: str, mail_id: str) -> MailStatus | None:
        prefix = self._prefix(queue)
        with self._connection.translated(), self._connection.client().pipeline(transaction=False) as pipeline:
            pipeline.hgetall(f"{prefix}mail:{mail_id}")
            pipeline.lrange(f"{prefix}history:{mail_id}", 0, -1)
            raw, history = pipeline.execute()
        if b"state" not in raw:
            return None
        fields = {key.decode(): value.decode() for key, value in raw.items() if key != b"payload"}
        state = MailState(fields["state"])
        return MailStatus(
            mail_id=mail_id,
            state=state,
            queue=queue,
            template=fields["template"],
            mail_class=fields["class"],
            recipients={path: RecipientState(s) for path, s in json.loads(fields["recipients"]).items()},
            created_at=int(fields["created"]) / 1000,
            due_at=float(fields["due"]) / 1000 if state is MailState.WAITING else None,
            attempt=int(fields["attempt"]),
            crashes=int(fields["crashes"]),
            unknowns=int(fields["unknowns"]),
            history=tuple(json.loads(entry) for entry in history),
        )

    def cancel(self, mail_id: str) -> MailState:
        """See `Store.cancel`."""
        for queue in self.queues():
            call = Call("cancel", self._prefix(queue), (mail_id, _ms(self._retention)))
            (state,) = self._connection.run([call], durably=True)
            if state:
                return MailState(state.decode())
        raise MailNotFound(f"no mail {mail_id} in the store")

    def counts(self, queue: str) -> Mapping[MailState, int]:
        """See `Store.counts`."""
        prefix = self._prefix(queue)
        indexed = [state for state in MailState if state not in _COUNTED]
        with self._connection.translated(), self._connection.client().pipeline(transaction=False) as pipeline:
            for state in indexed:
                pipeline.zcard(f"{prefix}{_INDEX.get(state, state.value)}")
            pipeline.hgetall(f"{prefix}ended")
            *sizes, ended = pipeline.execute()
        counted = {MailState(state.decode()): int(count) for state, count in ended.items()}
        return {**dict.fromkeys(MailState, 0), **dict(zip(indexed, sizes, strict=True)), **counted}

    def list_mails(self, queue: str, state: MailState, limit: int = 100) -> list[MailStatus]:
        """See `Store.list_mails`."""
        with self._connection.translated():
            ids = self._connection.client().zrange(
                f"{self._prefix(queue)}{_INDEX.get(state, state.value)}", 0, limit - 1
            )
        found = (self._status_in(queue, _text(mail_id)) for mail_id in ids)
        return [one for one in found if one is not None]

    def queues(self) -> tuple[str, ...]:
        """See `Store.queues`."""
        with self._connection.translated():
            members = self._connection.client().smembers(f"{self._namespace}:queues")
        return tuple(sorted(map(_text, members)))

    def suppress(self, forward_path: str, reason: str) -> None:
        """See `Store.suppress`."""
        with self._connection.translated():
            self._connection.client().hset(f"{self._namespace}:suppressed", forward_path.lower(), reason)

    def suppressed(self, forward_paths: Sequence[str]) -> Mapping[str, str]:
        """See `Store.suppressed`."""
        if not forward_paths:
            return {}
        with self._connection.translated():
            reasons = self._connection.client().hmget(
                f"{self._namespace}:suppressed", [path.lower() for path in forward_paths]
            )
        return {path: _text(r) for path, r in zip(forward_paths, reasons, strict=True) if r is not None}

    def epoch(self) -> str:
        """See `Store.epoch`."""
        with self._connection.translated():
            key = f"{self._namespace}:epoch"
            self._connection.client().set(key, uuid.uuid4().hex, nx=True)
            value = self._connection.client().get(key)
        return _text(value)

    def check(self) -> list[str]:
        """See `Store.check`."""
        with self._connection.translated():
            return advice(self._connection.client(), self._connection.shown)
