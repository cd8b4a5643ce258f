"""`RedisProofs`: mails that wait for proof, and what is proven of them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from notifier.errors import StoreError
from notifier.model.email import Email
from notifier.model.outcome import RecipientState
from notifier.model.proof import Proof
from notifier.model.state import MailState
from notifier.store.connection import Call, LedgerConnection
from notifier.store.contents import Contents
from notifier.store.evidence import Proven, Question, Verdict
from notifier.store.keys import Keys
from notifier.store.records import ms

STATE_OF = {
    Proof.DELIVERED: RecipientState.ACCEPTED,
    Proof.REFUSED: RecipientState.REFUSED,
    Proof.NOT_DELIVERED: RecipientState.PENDING,
}


class RedisProofs:
    """`Proofs` on the ledger's server. ``retention`` in seconds."""

    def __init__(self, connection: LedgerConnection, keys: Keys, contents: Contents, retention: float) -> None:
        self._connection = connection
        self._keys = keys
        self._contents = contents
        self._retention = retention

    def due(self, queue: str, every: float) -> bool:
        """See `Proofs.due`."""
        index, asking = self._keys.index(queue, MailState.UNKNOWN), f"{self._keys.queue(queue)}asking"
        (waiting,) = self._connection.ask(("ZCARD", index))
        return bool(waiting) and bool(self._connection.ask(("SET", asking, 1, "NX", "PX", ms(every)))[0])

    def questions(self, queue: str, limit: int) -> list[Question]:
        """See `Proofs.questions`."""
        index = self._keys.index(queue, MailState.UNKNOWN)
        (count,) = self._connection.ask(("ZCARD", index))
        begin = random.randrange(count) if count > limit else 0  # noqa: S311 - so that each has its turn
        (ids,) = self._connection.ask(("ZRANGE", index, begin, begin + limit - 1))
        fields = ("payload", "recipients", "fence", "attempt")
        rows = self._connection.ask(*(("HMGET", self._keys.mail(queue, one.decode()), *fields) for one in ids))
        found = (self._question(*row) for row in rows)
        return [one for one in found if one is not None and one.unknown]

    def _question(self, payload: Any, recipients: Any, fence: Any, attempt: Any) -> Question | None:
        """None for what cannot be read here, and what is gone: others may read it."""
        try:
            email = Email.from_payload(json.loads(self._contents.payload(payload)))
            states = json.loads(recipients)
        except (StoreError, ValueError, KeyError, TypeError, AttributeError):
            return None
        unknown = tuple(path for path, state in states.items() if state == "unknown")
        return Question(email, int(fence), int(attempt or 0), unknown)

    def take(
        self, queue: str, mail_id: str, recipients: Mapping[str, Proof], why: str, *, fence: int | None = None
    ) -> Proven:
        """See `Proofs.take`."""
        states = json.dumps({path: STATE_OF[proof] for path, proof in recipients.items()})
        arguments = (mail_id, "" if fence is None else fence, states, why, ms(self._retention))
        call = Call("prove", self._keys.queue(queue), arguments)
        ((verdict, state),) = self._connection.run([call], durably=True)
        return Proven(Verdict(verdict.decode()), MailState(state.decode()) if state else None)
