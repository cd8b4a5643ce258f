"""“Send me this”: what is sent, and what became of it."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from notifier.errors import DeliveryError, NotifierError

KEPT = 50  # results
NO_RELAY = "No relay is set up: set NOTIFIER_SMTP_URL (smtp://user:password@host:587) and start the preview again."


class Send(Protocol):
    """Sends one mail at once and returns the relay's final reply. Raises `NotifierError`."""

    def __call__(self, *, template: str, to: str, context: Mapping[str, Any], locale: str | None) -> str: ...


@dataclass(frozen=True, slots=True)
class Result:
    """What is told on the page."""

    sent: bool
    words: str


@dataclass(slots=True)
class Desk:
    """``send`` None: no relay is set up. ``token`` is known to our own pages alone."""

    send: Send | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    _results: OrderedDict[str, Result] = field(default_factory=OrderedDict)

    def result(self, number: str) -> Result | None:
        """What became of it, for the page that is loaded after the form."""
        return self._results.get(number)

    def keep(self, act: Callable[[Send], str], address: str) -> str:
        """Let it be sent, and keep what became of it under the number that is returned."""
        number = secrets.token_urlsafe(9)
        self._results[number] = self._outcome(act, address)
        while len(self._results) > KEPT:
            self._results.popitem(last=False)
        return number

    def _outcome(self, act: Callable[[Send], str], address: str) -> Result:
        if self.send is None:
            return Result(False, NO_RELAY)
        try:
            reply = act(self.send)
        except DeliveryError as error:
            return Result(False, f"It was not accepted for {address}. {error}")
        except NotifierError as error:
            return Result(False, f"Nothing was sent. {error}")
        return Result(True, f"Sent to {address}. The relay said: {reply}")
