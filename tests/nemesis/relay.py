"""A relay whose answer is in the recipient's name: ``dot451-17@example.com`` is refused once after the dot, for a while."""

from __future__ import annotations

import threading
from enum import StrEnum

from notifier.errors import Phase
from notifier.testing import Action, Script
from notifier.testing.script import Step


class Answer(StrEnum):
    """What comes before the first hyphen of the local part."""

    FINE = "fine"
    SLOW = "slow"  # at DATA, for longer than the time after which a lease is renewed
    RCPT_LATER = "rcpt451"  # once
    RCPT_NEVER = "rcpt550"
    DOT_LATER = "dot451"  # once
    DOT_NEVER = "dot554"
    REPLY_LOST = "lost"  # once: accepted, and the 250 does not come


SLOWLY = 1.6  # seconds
ONCE = frozenset({Answer.SLOW, Answer.RCPT_LATER, Answer.DOT_LATER, Answer.REPLY_LOST})


EXTENSIONS = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")


class AnswersByName(Script):
    """Each connection has a thread of its own, and one transaction at a time. ``chunking`` False: messages come by DATA, so
    that what is said to RCPT is heard before the dot is recorded.
    """

    def __init__(self, *, chunking: bool = True) -> None:
        super().__init__()
        self._chunking = chunking
        self._now = threading.local()
        self._given: set[str] = set()

    def for_recipient(self, recipient: str) -> str | None:
        """The reply other than 250 to a RCPT."""
        self._now.answer, self._now.recipient = Answer(recipient.partition("-")[0]), recipient
        if self._is_to(Answer.RCPT_LATER):
            return "450 4.2.0 Later, please"
        return "550 5.7.1 Not for you" if self._is_to(Answer.RCPT_NEVER) else None

    def for_phase(self, phase: Phase) -> Step:
        """What to do at a phase."""
        if phase is Phase.EHLO and not self._chunking:
            return Step(self._greeting())
        if phase is Phase.DATA and self._is_to(Answer.SLOW):
            return Step(delay=SLOWLY)
        if phase is not Phase.FINAL_REPLY:
            return Step()
        if self._is_to(Answer.DOT_LATER):
            return Step("450 4.2.0 Later, please")
        if self._is_to(Answer.DOT_NEVER):
            return Step("554 5.7.1 Not this one")
        return Step(Action.LOSE_REPLY) if self._is_to(Answer.REPLY_LOST) else Step()

    def _greeting(self) -> str:
        encrypted = getattr(self._now, "greeted", False)  # the second EHLO of a connection comes after STARTTLS
        self._now.greeted = True
        return "\r\n".join(f"250-{word}" for word in EXTENSIONS) + f"\r\n250 {'HELP' if encrypted else 'STARTTLS'}"

    def _is_to(self, answer: Answer) -> bool:
        if getattr(self._now, "answer", None) is not answer:
            return False
        again = self._now.recipient in self._given
        self._given.add(self._now.recipient)
        return not (answer in ONCE and again)
