"""What is reported of mails that a relay has taken, as the rooms above see it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from notifier.model.hook import Told


class Noted(StrEnum):
    """What the ledger made of a report."""

    NOTED = "noted"
    KNOWN = "known"  # this report has come before
    ENOUGH = "enough"  # so many have come about this mail that no more are kept
    GONE = "gone"  # no such mail: its retention is over


class Bounces(Protocol):
    """The part of a store that has to do with reports. Every method may raise `StoreUnavailable`."""

    def note(
        self, queue: str, mail_id: str, digest: str, told: Told, *, why: str, status: str, entry: Mapping[str, object]
    ) -> Noted:
        """Keep it, on disk when this returns. ``why`` and ``status`` go to the hooks, ``entry`` to the mail's history alone."""

    def count_soft(self, address: str, mail_id: str, within: float) -> int:
        """Count the mail among those to the address that bounced softly in the last ``within`` seconds; how many there are.

        A mail counts once, however many reports there are about it.
        """


class Suppressions(Protocol):
    """What reports need of the suppression list."""

    def learn(self, address: str, reason: str, *, lasts: float | None, mail_id: str, durably: bool = False) -> None: ...
