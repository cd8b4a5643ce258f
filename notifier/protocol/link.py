"""`Link`: one connection, as its transactions see it."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from notifier.protocol.dialogue import Await
from notifier.protocol.extensions import Extensions
from notifier.protocol.reply import Reply


@dataclass(slots=True)
class Link:
    """One connection, as its transactions see it.

    ``carried``: how many have begun. ``reset_first``: the last one was broken off, so RSET comes before the next.
    ``doubt``: why nothing more may be sent; None while all is well. ``replies``: the connection's, those that have come
    whole and were not taken yet. ``out_of_step``: a reply more has come than was asked for.
    ``closing``: the server has said 421; ``hurry``: wait no longer than that for the replies still owed.
    """

    host: str
    offered: Extensions
    lmtp: bool = False
    encrypted: bool = False
    window: int = 1
    carried: int = 0
    reset_first: bool = False
    doubt: str | None = None
    replies: deque[Reply] = field(default_factory=deque)
    out_of_step: Callable[[], bool] = bool
    closing: bool = False
    hurry: Await | None = None
    size_limit: int | None = field(init=False)
    rcpt_max: int | None = field(init=False)
    mail_max: int = field(init=False)
    declares_size: bool = field(init=False)
    enhanced: bool = field(init=False)

    def __post_init__(self) -> None:
        """Read once what every transaction looks at."""
        self.size_limit, self.rcpt_max = self.offered.size_limit, self.offered.rcpt_max
        self.mail_max = self.offered.mail_max or sys.maxsize
        self.declares_size = "SIZE" in self.offered
        self.enhanced = "ENHANCEDSTATUSCODES" in self.offered

    @property
    def takes_more(self) -> bool:
        """True where another transaction may begin: no doubt, and the server's MAILMAX not reached (RFC 9422)."""
        return self.doubt is None and self.carried < self.mail_max
