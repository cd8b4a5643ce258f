"""`Enqueueing`: a mail on its way into the store, as a coroutine: what ``send_email.adelay`` returns."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import TracebackType
from typing import Any

from notifier.tasks.offload import offload
from notifier.tasks.result import MailResult


class Enqueueing(Coroutine[Any, Any, MailResult]):
    """Await it, or give it to ``asyncio.create_task``; it returns the `MailResult` and raises what ``delay`` raises.

    ``id`` is the mail's, known before it is stored. With an idempotency key that was used before, it is the first
    mail's as soon as that is known. ``stored`` is true once the mail is in the store (eagerly: sent); after a cancellation
    it says how things stand, for a call that has begun is waited for.
    """

    def __init__(self, mail_id: str, call: Callable[[], MailResult]) -> None:
        self.id = mail_id
        self.stored = False
        self._call = call
        self._coroutine = offload(self._called)

    def _called(self) -> MailResult:
        result = self._call()
        self.id, self.stored = result.id, True
        return result

    def __await__(self) -> Generator[Any, Any, MailResult]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        """See `collections.abc.Coroutine`."""
        return self._coroutine.send(value)

    def throw(
        self,
        kind: Any,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
    ) -> Any:
        """See `collections.abc.Coroutine`."""
        if value is None and trace is None:
            return self._coroutine.throw(kind)
        return self._coroutine.throw(kind, value, trace)

    def close(self) -> None:
        """See `collections.abc.Coroutine`."""
        self._coroutine.close()
