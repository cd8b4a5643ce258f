"""Telling an application what became of its mails: after the settlement, and never in its way.

Settlements leave their events in a backlog of the ledger. A task of its own tells them, so that neither a slow receiver nor
one that is down holds up a batch, a lease or a session.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from typing import Protocol

from notifier.model.hook import HookEvent, HookKind

log = logging.getLogger(__name__)

PORTION = 10  # events
LEASE = 120.0  # seconds that one worker has for a portion: more than a portion of timeouts
FIRST_REST, LONGEST_REST = 5.0, 300.0  # seconds


class HookFailed(Exception):
    """Not told: try again later."""


class HookRefused(Exception):
    """The receiver will never take this event."""


class Backlog(Protocol):
    """What the telling needs of the store; see `notifier.store.hooks.RedisHooks`."""

    def take(self, queue: str, kind: HookKind, owner: str, lease: float, limit: int) -> tuple[int, list[HookEvent]]: ...
    def done(self, kind: HookKind, event: HookEvent) -> None: ...
    def rest(self, queue: str, kind: HookKind, owner: str, first: float, most: float) -> float: ...
    def end(self, queue: str, kind: HookKind, owner: str) -> None: ...


def tell_backlog(
    queue: str,
    kind: HookKind,
    tell: Callable[[HookEvent], None],
    *,
    backlog: Backlog,
    time_slice: float,
    scale: float = 1.0,
) -> None:
    """Tell what the backlog holds, oldest first, until it is empty, ``time_slice`` seconds are over, or it cannot be told.

    ``scale`` multiplies the waits after a failure. Raises `StoreUnavailable`; what was told and not yet taken out is told again.
    """
    owner, ends = uuid.uuid4().hex, time.monotonic() + time_slice
    while True:
        dropped, events = backlog.take(queue, kind, owner, LEASE, PORTION)
        if dropped:
            log.error("%d events of queue %s were dropped: the backlog of the %s is full", dropped, queue, kind)
        for event in events:
            try:
                _tell(kind, tell, event)
            except HookFailed as error:
                wait = backlog.rest(queue, kind, owner, FIRST_REST * scale, LONGEST_REST * scale)
                log.warning("the %s is told again in %.0f s: %s", kind, wait, error)
                return
            backlog.done(kind, event)
        if not events or time.monotonic() >= ends:
            backlog.end(queue, kind, owner)
            return


def _tell(kind: HookKind, tell: Callable[[HookEvent], None], event: HookEvent) -> None:
    try:
        tell(event)
    except HookRefused as error:
        log.error("the %s refused %s of mail %s for good: %s", kind, event.name, event.mail_id, error)  # noqa: TRY400
