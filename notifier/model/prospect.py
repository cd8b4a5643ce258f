"""`Prospect`: what is to be expected of a relay, as far as one process knows without asking anybody."""

from __future__ import annotations

from enum import IntEnum


class Prospect(IntEnum):
    """The lower, the sooner a session is to be expected. Mails of one batch go in this order: none waits for a relay of others."""

    CONNECTED = 0
    UNKNOWN = 1
    FAILING = 2
