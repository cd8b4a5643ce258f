"""`Block`: mails that go to the store together."""

from __future__ import annotations

from collections.abc import Callable

from notifier.delivery.intake import Accepted
from notifier.errors import IdempotencyConflict
from notifier.integrations.flask.message import Message
from notifier.tasks.app import app as celery_app
from notifier.tasks.enqueue import enqueue
from notifier.tasks.result import MailResult

# What is kept in memory, where MAIL_MAX_EMAILS says nothing.
MOST_MAILS = 1000
MOST_OCTETS = 32 * 2**20

Kept = tuple[Accepted, Message | None]


class Block:
    """``tell`` hears of each message when it is stored. ``most``: mails of one step."""

    def __init__(self, tell: Callable[[Message | None], None], most: int | None) -> None:
        self._tell = tell
        self._most = most or MOST_MAILS
        self._kept: list[Kept] = []
        self._octets = 0

    def keep(self, accepted: Accepted, message: Message | None) -> None:
        """One more."""
        self._kept.append((accepted, message))
        self._octets += _octets(accepted)

    def give_back(self) -> None:
        """Without the last one, if it is still here: its caller hears that it was not taken, and may send it again."""
        for accepted, _ in self._kept[-1:]:
            self._kept.pop()
            self._octets -= _octets(accepted)

    @property
    def is_full(self) -> bool:
        """Whether it should be stored now."""
        return self._octets >= MOST_OCTETS or len(self._kept) >= self._most

    def store(self) -> MailResult | None:
        """In one step; the result is the last one's. Raises what `enqueue` raises: all stay here, where store or broker are away."""
        kept = self._kept
        if not kept:
            return None
        try:
            added = enqueue([accepted for accepted, _ in kept])
        except IdempotencyConflict as conflict:
            self._kept, self._octets = [], 0
            if len(kept) > 1:
                self._store_others(kept)
            raise conflict from None
        self._kept, self._octets = [], 0
        for _, message in kept:
            self._tell(message)
        return MailResult(added[-1].mail_id, app=celery_app)

    def _store_others(self, kept: list[Kept]) -> None:
        """Those whose keys are free; what is stored already is not stored twice."""
        for accepted, message in kept:
            try:
                enqueue([accepted])
            except IdempotencyConflict:
                continue
            self._tell(message)


def _octets(accepted: Accepted) -> int:
    return sum(map(len, accepted.blobs.values()))
