"""``manage.py notifier_outbox``: the outbox' sweeper without a worker, and people who want to be forgotten."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError  # its InterfaceError is none of Django's DatabaseErrors
from django.db import connections

from notifier.errors import NotifierError
from notifier.integrations.django.outbox_forgetting import forget
from notifier.integrations.django.sweeping import databases, sweep

LONGEST = 86400.0  # seconds between two sweeps


class Command(BaseCommand):
    """Without ``--every`` one sweep, which fails where the store or the broker is away."""

    help = (
        "sweep: hand committed mails over to the store, and learn what became of those that it has. "
        "forget: take an address out of what is settled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The command's words."""
        parser.add_argument("action", choices=["sweep", "forget"])
        parser.add_argument("address", nargs="?", help="whom to forget")
        parser.add_argument(
            "--database", choices=tuple(connections), help="only this database; all that have an outbox by default"
        )
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on, with so many seconds between sweeps")

    def handle(
        self, *_: Any, action: str, address: str | None, database: str | None, every: float | None, **__: Any
    ) -> None:
        """Do the action; a sweep once, or again and again."""
        if (action == "forget") != (address is not None):
            raise CommandError("written: notifier_outbox sweep, or notifier_outbox forget ADDRESS")
        if address is not None:
            self._forget(address, database)
            return
        if every is not None and not 0 < every <= LONGEST:
            raise CommandError(f"--every is a number of seconds above nought, and {LONGEST:.0f} at most")
        if every is None:
            self._sweep(database)
            return
        while True:
            self._sweep_or_say_why_not(database)
            time.sleep(every)

    def _forget(self, address: str, database: str | None) -> None:
        try:
            for alias in [database] if database else databases():
                done, busy = forget(alias, address)
                self.stdout.write(f"{alias}: taken out of {done} settled mails")
                for mail_id in busy:
                    self.stdout.write(f"{alias}: {mail_id} is not settled; decide on it, and forget again")
        except (NotifierError, DatabaseError) as error:
            raise CommandError(str(error)) from error

    def _sweep(self, database: str | None) -> None:
        try:
            for alias in [database] if database else databases():
                swept = sweep(alias)
                self.stdout.write(
                    f"{alias}: {swept.handed_over} handed over, {swept.looked_at} looked at, {swept.purged} purged"
                )
        except (NotifierError, DatabaseError) as error:
            raise CommandError(str(error)) from error

    def _sweep_or_say_why_not(self, database: str | None) -> None:
        try:
            self._sweep(database)
        except CommandError as error:
            self.stderr.write(str(error))
            connections.close_all()  # a database that came back is connected to anew
