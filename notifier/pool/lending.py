"""`Lending`: what `SessionPool.session` returns."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from notifier.pool.places import Borrower, LogIn
from notifier.smtp import Session


class GiveBack(Protocol):
    """``sound``: the block ended well, so that the session may be lent again."""

    def __call__(self, borrower: Borrower, *, sound: bool) -> None: ...


class Lending(Borrower):
    """A context manager, entered once: a session is borrowed while its block lasts.

    A class, because a generator costs as much as the rest of the checkout; and the borrower itself, as every object counts.
    """

    def __init__(
        self,
        checkout: Callable[[Borrower, float], Session],
        give_back: GiveBack,
        deadline: float,
        log_in: LogIn | None = None,
    ) -> None:
        self._checkout, self._give_back, self._deadline, self.log_in = checkout, give_back, deadline, log_in

    def __enter__(self) -> Session:
        """The session. Raises as `SessionPool.session` says; `RuntimeError` the second time: ask the pool for another."""
        if self.granted or self.turned_away:
            raise RuntimeError("this loan of a session is over: ask the pool for another one with session()")
        return self._checkout(self, self._deadline)

    @property
    def fresh(self) -> bool:
        """True where the session was opened for this loan: greeting, TLS and login went well just now."""
        return not self.reused

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back, or retire it."""
        self._give_back(self, sound=kind is None)
