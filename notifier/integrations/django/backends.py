"""The two backends: `EmailBackend` enqueues, `SMTPBackend` sends at once through this process's pool of sessions."""

from __future__ import annotations

import logging
import smtplib
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import django
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.views.decorators.debug import sensitive_variables

from notifier.delivery.inline import inline_outcome
from notifier.delivery.intake import Accepted
from notifier.errors import fault_error
from notifier.integrations.django import conf
from notifier.integrations.django.accepting import Posting, accepted
from notifier.integrations.django.backend_options import Refusal, check_same_relay, own_relay, split
from notifier.integrations.django.handover import hand_over
from notifier.integrations.django.smtp_pools import router_of, session_of
from notifier.integrations.django.smtplib_errors import djangos_errors
from notifier.model.outcome import Outcome, RecipientState
from notifier.tasks.runtime import inline_runtime, runtime
from notifier.telemetry.masking import masked, without

log = logging.getLogger(__name__)

# Django's error reports, which go out by mail, show no variables from here down: settings with passwords, and what mails say.
_out_of_reports = sensitive_variables()

MAILERS: bool = django.VERSION >= (6, 1)  # the base class refuses fail_silently since then, and knows an alias


class _Backend(BaseEmailBackend):
    """What both have in common. They hold nothing that a mail changes, so that threads may share one."""

    OPTIONS: tuple[str, ...] = ()

    @_out_of_reports
    def __init__(
        self,
        *,
        fail_silently: bool = False,
        alias: str | None = None,
        _ignore_unknown_kwargs: Iterable[str] | None = None,  # of Django 6.1: what is unknown is refused here
        **options: Any,
    ) -> None:
        if MAILERS:
            super().__init__(alias=alias)
        else:
            super().__init__()
            self.alias = alias
        self.fail_silently = bool(fail_silently)
        self._refusal = Refusal(type(self).__name__, alias)
        self._relay, self._own = split(options, self.OPTIONS, self._refusal)
        conf.connect_once()

    def _posting(self) -> Posting:
        known = {name: value for name, value in self._own.items() if name in Posting.__slots__}
        return Posting(**known)


class EmailBackend(_Backend):
    """Enqueues: a worker sends. ``EMAIL_BACKEND = "notifier.integrations.django.EmailBackend"``, or a mailer of Django 6.1.

    Options: ``mail_class``, ``tenant``, ``queue``; ``database``, in whose transactions the mails are.
    Raises ``smtplib.SMTPException`` within five seconds where broker or store is down (``fail_silently``: returns 0), and
    ``ValueError`` for mails that cannot be sent; nothing is stored then, of none of the messages.
    """

    OPTIONS = ("mail_class", "tenant", "queue", "database")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        check_same_relay(self._relay, self._refusal)
        self._database: str | None = self._own.get("database")

    @_out_of_reports
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Enqueue them all, in one step; those without recipients are left out. Returns how many were taken."""
        addressed = [message for message in email_messages or () if message.recipients()]
        if not addressed:
            return 0
        try:
            with djangos_errors():
                intake, posting = runtime().intake, self._posting()
                mails = [accepted(message, intake, posting) for message in addressed]
                hand_over(mails, self._database, robust=self.fail_silently)
        except smtplib.SMTPException:
            if not self.fail_silently:
                raise
            return 0
        return len(mails)


class SMTPBackend(_Backend):
    """Sends at once, without broker, store and worker. What fails is not tried again; `EmailBackend` loses nothing.

    Options: those of Django's own SMTP backend for another relay than the settings'; ``tenant``. ``close`` leaves the sessions
    to the pool, which ends them by its own rules.
    """

    OPTIONS = ("tenant",)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._url = own_relay(self._relay, self._refusal)
        self._lock = threading.Lock()
        self._is_open = False

    @_out_of_reports
    def open(self) -> bool | None:
        """Make sure that there is a session. True where that was not known; None where it failed silently."""
        with self._lock:
            if self._is_open:
                return False
            try:
                with djangos_errors():
                    mine = inline_runtime()
                    session_of(router_of(mine, self._url))
            except OSError:
                if not self.fail_silently:
                    raise
                return None
            self._is_open = True
            return True

    def close(self) -> None:
        """The next `open` looks again."""
        with self._lock:
            self._is_open = False

    @_out_of_reports
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send one after the other. Returns how many were taken by the relay for one recipient at least."""
        return sum(self._sent(message) for message in email_messages or () if message.recipients())

    def _sent(self, message: EmailMessage) -> bool:
        recipients = [str(recipient) for recipient in message.recipients()]
        try:
            with djangos_errors(str(message.from_email), recipients):
                mine = inline_runtime()
                mail = accepted(message, mine.intake, self._posting())
                outcome = inline_outcome(mail, composer=mine.composer, router=router_of(mine, self._url))
                _check_taken(mail, outcome)
        except smtplib.SMTPException:
            if not self.fail_silently:
                raise
            return False
        return True


def _check_taken(mail: Accepted, outcome: Outcome) -> None:
    """As with `smtplib`, whoever was refused beside others is no error, for the mail has gone out. It is logged."""
    if not any(one.state is RecipientState.ACCEPTED for one in outcome.recipients.values()):
        raise fault_error(outcome.faults[0])
    for path, one in outcome.recipients.items():
        if one.fault is not None:
            log.warning(
                "mail %s was not taken for %s: %s", mail.email.id, masked(path), without([path], str(one.fault))
            )
