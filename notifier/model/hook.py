"""`HookEvent`: what an application is told of its mails, by a signal in the worker or by a webhook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Told(StrEnum):
    """What has happened to a mail, in the words of an application."""

    ACCEPTED = "mail_accepted"  # a relay has taken it, or a person says so
    DEFERRED = "mail_deferred"  # it waits for another attempt, for a reason that is in the event
    FAILED = "mail_failed"  # a dead letter: refused, expired, quarantined
    UNKNOWN = "mail_unknown"  # no final reply was read; what follows depends on its class
    BOUNCED = "mail_bounced"  # a relay had taken it, and a server reports that a recipient does not get it
    COMPLAINED = "mail_complained"  # a recipient's provider reports that he calls it spam, or wants no more


class HookKind(StrEnum):
    """Who is told. Each has its own backlog, so that one that cannot be reached does not hold up the other."""

    SIGNAL = "signal"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One event of one mail. ``id`` is the same each time that it is told. ``at``: seconds since the epoch.

    It holds neither addresses nor a server's words, which may hold them: ``mail_id`` leads to the ledger. ``fault`` has
    taxonomy_id, error_class, scope, phase, host, code and enhanced, as far as they are known.
    """

    id: str
    name: Told
    mail_id: str
    queue: str
    state: str
    at: float
    template: str
    mail_class: str
    attempt: int
    relay: str | None = None
    why: str | None = None
    fault: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, queue: str, entry_id: str, event: bytes) -> Self:
        """The event that the ledger wrote."""
        data = json.loads(event)
        return cls(**{**data, "id": f"{queue}/{entry_id}", "queue": queue, "name": Told(data["name"])})
