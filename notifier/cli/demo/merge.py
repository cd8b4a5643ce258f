"""The run: enqueue every row, and follow each mail to its end in the ledger."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from notifier.cli.demo.orders import Order, mail_of
from notifier.errors import InvalidMail, TemplateError
from notifier.model.state import ENDED, MailState
from notifier.store.base import MailStatus
from notifier.tasks.result import status
from notifier.tasks.send import send_email

if TYPE_CHECKING:
    from notifier.cli.demo.stage import Stage

GIVE_UP = 180.0  # seconds after the last enqueue; the demo's retries end long before
POLL = 0.1
RESTED = frozenset({*ENDED, MailState.PARKED})


@dataclass(slots=True)
class Row:
    """One order and what became of its mail. ``enqueued_at`` is seconds since the epoch, before the call."""

    order: Order
    enqueued_at: float = 0.0
    mail_id: str | None = None
    rejection: str | None = None
    status: MailStatus | None = None


class Merge:
    """Sends every order and waits until nothing is left to wait for."""

    def __init__(self, orders: Iterable[Order], stage: Stage, *, kill_worker: bool) -> None:
        self.rows = [Row(order) for order in orders]
        self._stage = stage
        self._kill_worker = kill_worker
        self._run = uuid.uuid4().hex[:8]

    def run(self, console: Console) -> None:
        """The whole run, with its progress. Raises `TimeoutError` where mails do not come to an end."""
        columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            enqueued = progress.add_task("enqueued", total=len(self.rows))
            settled = progress.add_task("settled", total=len(self.rows))
            for row in self.rows:
                self._enqueue(row)
                progress.advance(enqueued)
                self._kill_in_the_middle()
            self._follow(lambda count: progress.update(settled, completed=count))

    def _enqueue(self, row: Row) -> None:
        row.enqueued_at = time.time()
        try:
            result = send_email.delay(**mail_of(row.order), idempotency_key=f"demo-{self._run}-{row.order.number}")
        except (InvalidMail, TemplateError) as error:
            row.rejection = str(error)
        else:
            row.mail_id = result.id

    def _kill_in_the_middle(self) -> None:
        if self._kill_worker and self._in_the_middle():
            self._kill_worker = False
            self._stage.kill_worker()

    def _in_the_middle(self) -> bool:
        """True once a fifth of the mails has arrived; a slow worker is there only after the last row was enqueued."""
        mailbox = self._stage.mailbox
        arrived = len(mailbox) if mailbox is not None else sum(row.mail_id is not None for row in self.rows)
        return arrived >= len(self.rows) // 5

    def _follow(self, tell: object) -> None:
        assert callable(tell)  # noqa: S101 - for the type checker
        ends = time.monotonic() + GIVE_UP
        left = [row for row in self.rows if row.mail_id is not None]
        while left:
            self._kill_in_the_middle()
            self._stage.keep_worker()
            left = [row for row in left if not self._rested(row)]
            tell(len(self.rows) - len(left))
            if time.monotonic() > ends:
                raise TimeoutError(f"{len(left)} mails have not come to an end within {GIVE_UP:.0f} s")
            if left:
                time.sleep(POLL)

    @staticmethod
    def _rested(row: Row) -> bool:
        row.status = status(row.mail_id or "")
        return row.status.state in RESTED
