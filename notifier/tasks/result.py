"""`MailResult`: what ``send_email.delay`` returns. Celery's shape, answered by the ledger."""

from __future__ import annotations

import time
from typing import Any

from celery.result import AsyncResult

from notifier.errors import MailNotFound, NotifierError, fault_error
from notifier.model.state import ENDED, MailState
from notifier.store.base import MailStatus
from notifier.tasks.runtime import runtime

# Celery's words for the states of a mail.
_CELERY_STATE = {
    **dict.fromkeys(MailState, "PENDING"),
    MailState.SENT: "SUCCESS",
    MailState.FAILED: "FAILURE",
    MailState.EXPIRED: "FAILURE",
    MailState.QUARANTINED: "FAILURE",
    MailState.DISCARDED: "REVOKED",
    MailState.CANCELLED: "REVOKED",
}


def status(mail_id: str) -> MailStatus:
    """Where a mail stands. Raises `MailNotFound`, `StoreUnavailable`."""
    found = runtime().store.status(mail_id)
    if found is None:
        raise MailNotFound(f"no mail {mail_id} in the store; ended mails are kept for NOTIFIER_RETENTION seconds")
    return found


def cancel(mail_id: str) -> MailState:
    """Take a waiting mail back; the state that it is in now. Raises `MailNotFound`, `StoreUnavailable`."""
    return runtime().store.cancel(mail_id)


class MailResult(AsyncResult):  # type: ignore[type-arg]  # generic in the stubs only
    """``id`` is the mail's id. ``get()`` waits for the end and returns the `MailStatus`."""

    def mail_status(self) -> MailStatus:
        """The same as ``notifier.status(result.id)``."""
        return status(self.id)

    @property
    def state(self) -> str:  # type: ignore[override]  # the stubs know no REVOKED
        """Celery's word for the mail's state."""
        return _CELERY_STATE[self.mail_status().state]

    @property
    def status(self) -> str:  # type: ignore[override]  # as above
        """The same."""
        return self.state

    def _get_task_meta(self) -> dict[str, Any]:
        """What Celery asks a result backend: ``result``, ``info``, ``traceback`` and the others are read from it."""
        found = self.mail_status()
        result = None if found.state not in ENDED else found if found.state is MailState.SENT else _error(found)
        return {"task_id": self.id, "status": _CELERY_STATE[found.state], "result": result, "queue": found.queue}

    def ready(self) -> bool:
        """True where the mail has ended."""
        return self.mail_status().state in ENDED

    def successful(self) -> bool:
        """True where the relay has accepted it."""
        return self.mail_status().state is MailState.SENT

    def failed(self) -> bool:
        """True where it became a dead letter."""
        return self.state == "FAILURE"

    def get(  # type: ignore[override]  # Celery's other arguments are about result backends
        self, timeout: float | None = None, propagate: bool = True, interval: float = 0.2, **_: Any
    ) -> MailStatus:
        """Wait up to ``timeout`` seconds for the mail's end.

        Raises `TimeoutError`; with ``propagate``, the delivery error of a dead letter.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        while (found := self.mail_status()).state not in ENDED:
            if ends is not None and time.monotonic() >= ends:
                raise TimeoutError(f"mail {self.id} is still {found.state}")
            time.sleep(interval)
        if propagate and found.state is not MailState.SENT:
            raise _error(found)
        return found

    def revoke(self, *_: Any, **__: Any) -> None:
        """Cancel the mail if it has not been handed over."""
        cancel(self.id)

    def forget(self) -> None:
        """Nothing to forget: the ledger keeps its own time."""


def _error(found: MailStatus) -> NotifierError:
    fault = found.last_fault
    return fault_error(fault) if fault else NotifierError(f"mail {found.mail_id} is {found.state}")
