"""`Row`: what ``claim.lua`` tells of one mail, before anything of its content is opened."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """``composed``: the message of an earlier attempt, or nothing; ``composed_in``: the blob that it is in, or nothing."""

    mail_id: str
    fence: int
    attempt: int
    crashes: int
    unknowns: int
    setbacks: int
    deadline_in: int  # ms
    payload: bytes
    recipients: bytes
    composed: bytes
    composed_in: str

    @classmethod
    def read(cls, octets: bytes) -> Row:
        """One text of the answer."""
        head, _, rest = octets.partition(b"\n")
        mail_id, *numbers, composed_in = f"{head.decode()} ".split(" ")[:10]
        fence, attempt, crashes, unknowns, setbacks, deadline_in, payload, recipients = map(int, numbers)
        contents = rest[:payload], rest[payload : payload + recipients], rest[payload + recipients :]
        return cls(mail_id, fence, attempt, crashes, unknowns, setbacks, deadline_in, *contents, composed_in)
