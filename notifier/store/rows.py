"""`Row`: what ``claim.lua`` tells of one mail, before anything of its content is opened."""

from __future__ import annotations

from typing import NamedTuple

from notifier.model.octets import Octets


class Row(NamedTuple):
    """``suppressed``: which recipients are on the suppression list now, as JSON, or nothing. ``composed``: the message of an
    earlier attempt, or nothing; ``composed_in``: the blob that it is in, or nothing. ``trace``: see `Email.trace`.
    """

    mail_id: str
    fence: int
    attempt: int
    crashes: int
    unknowns: int
    setbacks: int
    deadline_in: int  # ms
    payload: bytes
    recipients: bytes
    suppressed: bytes
    composed: Octets
    composed_in: str
    trace: str = ""

    @classmethod
    def read(cls, octets: bytes) -> Row:
        """One text of the answer."""
        head, _, rest = octets.partition(b"\n")
        mail_id, fence, attempt, crashes, unknowns, setbacks, deadline_in, payload, recipients, suppressed, *words = (
            f"{head.decode()}  ".split(" ")
        )
        first = int(payload)
        second = first + int(recipients)
        third = second + int(suppressed)
        return cls(
            mail_id,
            int(fence),
            int(attempt),
            int(crashes),
            int(unknowns),
            int(setbacks),
            int(deadline_in),
            rest[:first],
            rest[first:second],
            rest[second:third],
            rest[third:],
            words[0],
            words[1],
        )
