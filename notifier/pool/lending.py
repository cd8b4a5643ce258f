"""`Lending`: what `SessionPool.session` returns."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from notifier.pool.places import Borrower
from notifier.smtp import Session


class Lender(Protocol):
    """Whoever has sessions, and wants them back. ``sound``: the block ended well, so that the session may be lent again."""

    def check_out(self, borrower: Borrower, deadline: float) -> Session:
        """A live session, by ``deadline``."""

    def take_back(self, borrower: Borrower, *, sound: bool) -> None:
        """What was lent to them, and their place."""


class Lending(Borrower):
    """A context manager, entered once: a session is borrowed while its block lasts.

    A class, because a generator costs as much as the rest of the checkout; and the borrower itself, as every object counts.
    """

    lender: Lender
    deadline: float

    def __enter__(self) -> Session:
        """The session. Raises as `SessionPool.session` says; `RuntimeError` the second time: ask the pool for another."""
        if self.asked:
            raise RuntimeError("this loan of a session was entered before: ask the pool for another one with session()")
        return self.lender.check_out(self, self.deadline)

    @property
    def fresh(self) -> bool:
        """True where the session was opened for this loan: greeting, TLS and login went well just now."""
        return not self.reused

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back, or retire it."""
        self.lender.take_back(self, sound=kind is None)
