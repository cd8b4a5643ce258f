"""``manage.py notifier_outbox sweep``: the outbox' sweeper without Celery's beat."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from notifier.errors import NotifierError
from notifier.integrations.django.sweeping import databases, sweep


class Command(BaseCommand):
    """Without ``--every`` one sweep, which fails where the store or the broker is away."""

    help = "Hands committed mails over to the store, and learns what became of those that it has."

    def add_arguments(self, parser: CommandParser) -> None:
        """The command's words."""
        parser.add_argument("action", choices=["sweep"])
        parser.add_argument("--database", help="only this database; all that have an outbox by default")
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on, with so many seconds between sweeps")

    def handle(self, *_: Any, database: str | None, every: float | None, **__: Any) -> None:
        """Sweep once, or again and again."""
        if every is not None and every <= 0:
            raise CommandError("--every is a number of seconds above nought")
        if every is None:
            self._sweep(database)
            return
        while True:
            self._sweep_or_say_why_not(database)
            time.sleep(every)

    def _sweep(self, database: str | None) -> None:
        try:
            for alias in [database] if database else databases():
                swept = sweep(alias)
                self.stdout.write(
                    f"{alias}: {swept.handed_over} handed over, {swept.looked_at} looked at, {swept.purged} purged"
                )
        except NotifierError as error:
            raise CommandError(str(error)) from error

    def _sweep_or_say_why_not(self, database: str | None) -> None:
        try:
            self._sweep(database)
        except (CommandError, DatabaseError) as error:
            self.stderr.write(str(error))
            connections.close_all()  # a database that came back is connected to anew
