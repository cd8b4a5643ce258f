"""`TestRelay`: a relay for the tests of an application: it keeps what it accepts, and fails the way that a test asks for."""

from __future__ import annotations

from notifier.errors import Phase
from notifier.testing.outbox import Outbox
from notifier.testing.script import Action, Script
from notifier.testing.server import CatchingServer


class TestRelay(CatchingServer):
    """A `CatchingServer` whose faults are for the next mails; after them it is good again.

    Faults may be set while it runs. ``times`` is how many mails have them. Without TLS, as a test needs no certificate.
    """

    __test__ = False  # pytest would take it for a test

    def __init__(self) -> None:
        self._faults = Script()
        super().__init__(starttls=False, script=self._faults)

    @property
    def outbox(self) -> Outbox:
        """What it has accepted."""
        return Outbox(self.mailbox)

    def defer_next(self, times: int = 1, reply: str = "451 4.3.2 Please come again") -> None:
        """Refuse the next for now (4yz at MAIL): a worker tries again, a mail that is sent at once raises."""
        self._faults.at(Phase.MAIL, reply, times=times)

    def refuse_next(self, times: int = 1, reply: str = "550 5.1.1 No such user here") -> None:
        """Refuse the next recipient for good (5yz at RCPT)."""
        self._faults.at(Phase.RCPT, reply, times=times)

    def refuse(self, recipient: str, reply: str = "550 5.1.1 No such user here") -> None:
        """Refuse this recipient always."""
        self._faults.refuse(recipient, reply)

    def refuse_content_of_next(self, times: int = 1, reply: str = "554 5.6.0 We do not like this message") -> None:
        """Read the next message, and refuse it for good instead of accepting it."""
        self._faults.at(Phase.FINAL_REPLY, reply, times=times)

    def drop_at_data(self, times: int = 1) -> None:
        """Close the connection in the middle of the next message, and do not accept it.

        A mail that was on its way whole by then is in doubt for whoever sent it, as with `lose_reply_of_next`.
        """
        self._faults.at(Phase.BODY, Action.DROP, times=times)

    def lose_reply_of_next(self, times: int = 1) -> None:
        """Accept the next message, and close without the 250: whoever sends it cannot know (RFC 1047)."""
        self._faults.at(Phase.FINAL_REPLY, Action.LOSE_REPLY, times=times)

    def stall_next(self, times: int = 1) -> None:
        """Never answer the next MAIL."""
        self._faults.at(Phase.MAIL, Action.STALL, times=times)

    def at(self, phase: Phase, action: Action | str, *, times: int | None = 1, delay: float = 0.0) -> None:
        """Any other fault: see `Script.at`."""
        self._faults.at(phase, action, times=times, delay=delay)
