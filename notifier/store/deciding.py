"""A person's decision on many mails: a portion of them is one step to the disk, and each has an answer of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from notifier.errors import MailNotFound, StoreError
from notifier.model.state import MailState
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.round_trips import Argument

PORTION = 1000  # scripts in one round trip; a mail takes one for each queue that it may be in

Decision = tuple[str, Sequence[Argument]]
"""A mail's id, and what the script is told of it."""


def decide(
    script: str, decisions: Sequence[Decision], *, connection: LedgerConnection, keys: Keys, queues: Sequence[str]
) -> Iterator[MailState | StoreError]:
    """Each mail's state afterwards, or why nothing was done. Raises `StoreUnavailable`; saying all of it again does no harm."""
    at_once = max(1, PORTION // max(1, len(queues)))
    for first in range(0, len(decisions), at_once):
        some = decisions[first : first + at_once]
        calls = [Call(script, keys.queue(queue), (mail_id, *told)) for mail_id, told in some for queue in queues]
        answers = iter(connection.attempt(calls, durably=True))
        for mail_id, _ in some:
            yield _answer(mail_id, [next(answers) for _ in queues])


def _answer(mail_id: str, answers: Sequence[Any]) -> MailState | StoreError:
    said = next(filter(None, answers), None)
    if said is None:
        return MailNotFound(f"no mail {mail_id} in the store")
    if said == b"late":
        return StoreError(f"mail {mail_id} would expire before that; cancel it, or choose an earlier time")
    return said if isinstance(said, StoreError) else MailState(said.decode())
