"""`manage.py sendtestemail`: Django's own, which also tells the mail's id and what became of it."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.sendtestemail import Command as DjangosCommand
from django.utils import timezone

from notifier.errors import MailNotFound, NotifierError
from notifier.model.state import ENDED, MailState
from notifier.store.base import MailStatus
from notifier.tasks.result import status

LOOK_EVERY = 0.2  # seconds


class Command(DjangosCommand):
    """Exit status 1 where the mail was refused, or could not be enqueued."""

    help = f"{DjangosCommand.help} Tells the id of each and, within --wait, what became of it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Django's, and ours."""
        super().add_arguments(parser)
        parser.add_argument(
            "--wait", type=_seconds, default=10.0, help="Seconds to wait for a worker to send them (default: 10)."
        )

    def handle(self, *_: Any, using: str | None = None, **given: Any) -> None:
        """Send, tell, wait."""
        messages = list(_messages(given))
        try:
            mailer = _mailer(using)
            sent = mailer.send_messages(messages)
        except (ImproperlyConfigured, OSError, NotifierError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{sent} of {len(messages)} taken by {type(mailer).__module__}.{type(mailer).__name__}")
        ends = time.monotonic() + given["wait"]
        if queued := [message for message in messages if _is_queued(mailer, message)]:
            self._tell(queued, ends)

    def _tell(self, queued: list[EmailMessage], ends: float) -> None:
        found = [(message.notifier_id, _ended(message.notifier_id, ends)) for message in queued]
        for mail_id, one in found:
            self.stdout.write(f"{mail_id} {_told(one)}")
        if any(one is not None and one.state in ENDED and one.state is not MailState.SENT for _, one in found):
            raise CommandError("a mail was not sent; see above")


def _seconds(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):  # it would never be over
        raise ValueError(text)
    return found


def _messages(given: dict[str, Any]) -> Iterator[EmailMessage]:
    subject = f"Test email from {socket.gethostname()} on {timezone.now()}"
    if given["email"]:
        yield EmailMessage(subject, "If you're reading this, it was successful.", None, given["email"])
    for who in ("managers", "admins"):
        people = [one if isinstance(one, str) else one[1] for one in getattr(settings, who.upper())]
        if given[who] and people:
            text = f"This email was sent to the site {who}."
            yield EmailMessage(f"{settings.EMAIL_SUBJECT_PREFIX}{subject}", text, settings.SERVER_EMAIL, people)


def _mailer(using: str | None) -> Any:
    if settings.is_overridden("MAILERS"):
        return mail.mailers[using or "default"]
    return mail.get_connection()


def _is_queued(mailer: Any, message: EmailMessage) -> bool:
    from notifier.integrations.django.backends import EmailBackend  # noqa: PLC0415 - it loads Celery

    return isinstance(mailer, EmailBackend) and hasattr(message, "notifier_id")


def _ended(mail_id: str, ends: float) -> MailStatus | None:
    """Where it stands when it has ended, or at the time ``ends`` (monotonic)."""
    while (found := _status(mail_id)) is None or found.state not in ENDED:
        if time.monotonic() >= ends:
            return found
        time.sleep(LOOK_EVERY)
    return found


def _status(mail_id: str) -> MailStatus | None:
    try:
        return status(mail_id)
    except MailNotFound:
        return None  # in the outbox, perhaps


def _told(found: MailStatus | None) -> str:
    if found is None:
        return "is not in the store yet"
    people = ", ".join(f"{path}: {state}" for path, state in found.recipients.items())
    why = f" ({found.last_fault})" if found.last_fault is not None else ""
    advice = "" if found.state in ENDED else "; is a worker running? celery -A worker worker"
    return f"{found.state}; {people}{why}{advice}"
