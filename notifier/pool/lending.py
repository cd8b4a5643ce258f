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


class Lending:
    """A context manager: a session is borrowed while its block lasts.

    A class, because a generator costs as much as the rest of the checkout.
    """

    __slots__ = ("_borrower", "_checkout", "_deadline", "_give_back", "_log_in")

    def __init__(
        self,
        checkout: Callable[[Borrower, float], Session],
        give_back: GiveBack,
        deadline: float,
        log_in: LogIn | None = None,
    ) -> None:
        self._checkout, self._give_back, self._deadline, self._log_in = checkout, give_back, deadline, log_in

    def __enter__(self) -> Session:
        """The session. Raises as `SessionPool.session` says."""
        self._borrower = Borrower(log_in=self._log_in)
        return self._checkout(self._borrower, self._deadline)

    @property
    def fresh(self) -> bool:
        """True where the session was opened for this loan: greeting, TLS and login went well just now."""
        return not self._borrower.reused

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back, or retire it."""
        self._give_back(self._borrower, sound=kind is None)
