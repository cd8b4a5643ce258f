"""The names of the ledger's keys. The hash tag in braces puts all keys of a queue into one slot of a cluster; only the claim
reads one of another slot, the suppression list, and whose turn it is to connect asks the queues whether a slot is wanted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from notifier.model.email import Email
from notifier.model.state import MailState

# The sorted sets that hold the ids of a state; `prelude.lua` has the same. `SENT` and `DISCARDED` are only counted.
INDEX: Mapping[MailState, str] = {
    **{state: state.value for state in MailState if state not in (MailState.SENT, MailState.DISCARDED)},
    MailState.WAITING: "due",
    MailState.CLAIMED: "lease",
    MailState.AT_DOT: "dot",
}


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key begins with the namespace, so that several ledgers may share a server."""

    namespace: str

    def queue(self, queue: str) -> str:
        """What the keys of a queue begin with; the only key that the scripts are given."""
        return queue.join(self.around_a_queue)

    @property
    def around_a_queue(self) -> tuple[str, str]:
        """The same of any queue: what is before its name, and behind it."""
        return f"{self.namespace}:{{", "}:"

    def mail(self, queue: str, mail_id: str) -> str:
        """The record: a hash."""
        return f"{self.queue(queue)}mail:{mail_id}"

    def history(self, queue: str, mail_id: str) -> str:
        """The edges taken: a list of JSON."""
        return f"{self.queue(queue)}history:{mail_id}"

    def ended_mail(self, queue: str, mail_id: str) -> str:
        """What is left of a mail that has ended: a string."""
        return f"{self.queue(queue)}ended:{mail_id}"

    def index(self, queue: str, state: MailState) -> str:
        """The mails of a state: a sorted set."""
        return f"{self.queue(queue)}{INDEX[state]}"

    def ended(self, queue: str) -> str:
        """How many mails have ended, by state: a hash."""
        return f"{self.queue(queue)}ended"

    def counted(self, queue: str) -> str:
        """What the scripts have counted for metrics: a hash. ``prelude.lua`` has the same."""
        return f"{self.queue(queue)}counted"

    def consumers(self, queue: str) -> str:
        """The workers that consume a queue, and until when they count: a sorted set."""
        return f"{self.queue(queue)}workers"

    def slots_of_consumers(self, queue: str) -> str:
        """How many slots each of them has: a hash."""
        return f"{self.queue(queue)}slots"

    def hook(self, queue: str, kind: str) -> str:
        """Events that a hook is still to be told: a stream. ``prelude.lua`` has the same."""
        return f"{self.queue(queue)}hook:{kind}"

    def reservation(self, email: Email) -> str:
        """Who has the mail's idempotency key."""
        return self.holder(email.idempotency_key)

    def holder(self, idempotency_key: str) -> str:
        """Who has the key. Its own slot: a key is one for all queues."""
        digest = hashlib.sha256(idempotency_key.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.namespace}:{{k:{digest}}}"

    def relay(self, relay: str) -> str:
        """What the keys of a relay begin with: its breakers and limits."""
        return f"{self.namespace}:{{relay {relay}}}:"

    def references(self, queue: str) -> str:
        """How many times the records of a queue refer to each blob: a hash."""
        return f"{self.queue(queue)}refs"

    def report(self, name: str) -> str:
        """What the keys of a report begin with."""
        return f"{self.namespace}:{{report {name}}}:"

    def tally(self, queue: str, day: int) -> str:
        """What became of a day's mails by template, domain and state: a hash. ``day``: whole days since 1970, UTC."""
        return f"{self.queue(queue)}tally:{day}"

    @property
    def blobs(self) -> str:
        """What the keys of blobs begin with: one slot, because all of them together have a cap."""
        return f"{self.namespace}:{{blobs}}:"

    def blob(self, name: str) -> str:
        """The octets of a blob."""
        return f"{self.blobs}octets:{name}"

    def draft_of_blob(self, token: str) -> str:
        """Octets of a blob that come one after the other."""
        return f"{self.blobs}draft:{token}"

    @property
    def octets_of_blobs(self) -> str:
        """How many octets all blobs have together."""
        return f"{self.blobs}total"

    @property
    def home_of_blobs(self) -> str:
        """The mark that all blobs of this ledger lie under; it is part of the data, and of a backup."""
        return f"{self.blobs}home"

    @property
    def collecting(self) -> str:
        """There while somebody has collected blobs a moment ago."""
        return f"{self.blobs}collecting"

    @property
    def collections(self) -> str:
        """How many there have been: the next one's turn."""
        return f"{self.blobs}collections"

    @property
    def limits(self) -> str:
        """What the keys of the token buckets begin with: one slot, because a mail may need a token of several."""
        return f"{self.namespace}:{{limits}}:"

    @property
    def paused(self) -> str:
        """What operators have paused, with the reason: a hash."""
        return f"{self.namespace}:paused"

    @property
    def scratch(self) -> str:
        """What is written to see how long that takes; it goes by itself."""
        return f"{self.namespace}:scratch"

    @property
    def queues(self) -> str:
        """Every queue that ever had a mail: a set."""
        return f"{self.namespace}:queues"

    @property
    def workers(self) -> str:
        """What the keys of the registry of workers begin with."""
        return f"{self.namespace}:{{workers}}:"

    @property
    def suppressed(self) -> str:
        """Forward-paths that are not mailed, with the reason as JSON: a hash."""
        return f"{self.namespace}:suppressed"

    @property
    def suppressed_until(self) -> str:
        """Those of them that are mailed again, and from when on: a sorted set, seconds."""
        return f"{self.namespace}:suppressed:until"

    def soft_bounces(self, address: str) -> str:
        """Mails to an address that bounced for a reason that may pass: a sorted set of ids. Whose it is cannot be read from it."""
        return f"{self.namespace}:soft:{hashlib.sha256(address.encode()).hexdigest()}"

    @property
    def mark_of_epoch(self) -> str:
        """The random mark itself, where one was made."""
        return f"{self.epoch}mark"

    @property
    def epoch(self) -> str:
        """What the keys begin with that tell this ledger's data from another's."""
        return f"{self.namespace}:{{epoch}}:"
