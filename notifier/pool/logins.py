"""`Login`: one connection's turn to log in, asked for when it has its turn to connect."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress

from notifier.errors import RelayConnecting, RelayUnavailable, StoreError
from notifier.model.breaker import Breakers, LoginTurn, Place
from notifier.pool.slots import ASK_EVERY


class Login:
    """A login of ``place``'s account. ``name``: of the relay, for people.

    The permit that it goes by may be a second old, and many's: what was learned of the password since is learned here.
    """

    def __init__(self, breakers: Breakers, place: Place, name: str) -> None:
        self._breakers = breakers
        self._place = place
        self._name = name
        self._token: str | None = None

    def begin(self) -> None:
        """When it is its turn. Raises `RelayConnecting` where others log in for longer than a relay that is well takes,
        `RelayUnavailable` where the account's breaker is not what it was, or `StoreError`.
        """
        self._token = uuid.uuid4().hex  # before it is asked: it may be its turn, and the answer lost
        answer = self._in_turn(self._token)
        if answer.wait > 0:
            self._token = None
            kind = RelayUnavailable if answer.patience is None else RelayConnecting
            raise kind(f"no login at {self._name} now: {answer.why}", answer.wait)

    def over(self) -> None:
        """Let others: what became of it has been told, if there was anything."""
        if self._token is not None:
            with suppress(StoreError):  # it is given up by itself
                self._breakers.login_over(self._place, self._token)
            self._token = None

    def _in_turn(self, token: str) -> LoginTurn:
        pause, longest = ASK_EVERY
        while (answer := self._breakers.log_in(self._place, token)).patience:
            time.sleep(min(pause, answer.patience))
            pause = min(2 * pause, longest)
        return answer
