"""`Connection`: where a message is checked, and then suppressed, handed to the relay, or enqueued."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from flask import Flask

from notifier.delivery.inline import deliver_inline
from notifier.delivery.intake import Accepted
from notifier.integrations.flask import process
from notifier.integrations.flask.dispatched import email_dispatched
from notifier.integrations.flask.mailboxes import Mailbox, mailbox
from notifier.integrations.flask.message import Message
from notifier.integrations.flask.refusals import as_flask_mails
from notifier.integrations.flask.requests import options_of, request_of
from notifier.integrations.flask.templates import recorded
from notifier.tasks.app import app as celery_app
from notifier.tasks.calls import SEND_EMAIL, SEND_MESSAGE, Call
from notifier.tasks.enqueue import enqueue
from notifier.tasks.result import MailResult
from notifier.tasks.runtime import Runtime, runtime

if TYPE_CHECKING:
    from notifier.integrations.flask.state import State


class Connection:
    """As a context manager it keeps the mails of its block, and enqueues them with one step at the end (every MAIL_MAX_EMAILS
    mails, where that is set); also after an exception, for they have been sent by then. Otherwise each is enqueued at once.
    """

    def __init__(self, mail: State, app: Flask) -> None:
        self.mail = mail
        self.num_emails = 0
        self._app = app
        self._kept: list[tuple[Accepted, Message | None]] = []
        self._depth = 0

    def __enter__(self) -> Self:
        self._depth += 1
        self.num_emails = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if not self._depth:
            self._enqueue()

    def send(self, message: Message, envelope_from: Mailbox | None = None, **options: Any) -> MailResult | None:
        """Check and send. ``envelope_from`` is for MAIL FROM, in place of the message's sender.

        Raises `MissingAddressError`, `BadHeaderError`, and other `InvalidMail` errors.
        """
        with as_flask_mails():
            request = request_of(message, envelope_from, self.mail)
            accepted = self._accepted(SEND_MESSAGE, {**request, **options})
        return self._take(accepted, message)

    def send_message(self, *args: Any, **kwargs: Any) -> MailResult | None:
        """The same; the arguments are those of `Message`."""
        return self.send(Message(*args, **kwargs))

    def send_email(self, **call: Any) -> MailResult | None:
        """A mail from a template; see `Mail.send_email`."""
        with as_flask_mails():
            mine = self._runtime()
            if call.get("sender") is None and self.mail.default_sender and isinstance(call.get("template"), str):
                call = {
                    **call,
                    "sender": mine.renderer.defaults(call["template"]).sender or mailbox(self.mail.default_sender),
                }
            accepted = self._accepted(SEND_EMAIL, call)
        # Rendered here only where somebody looks: the worker does it for the mail itself.
        return self._take(accepted, recorded(accepted, mine.renderer) if email_dispatched.receivers else None)

    def _accepted(self, call: Call, given: dict[str, Any]) -> Accepted:
        options, arguments = options_of(given)
        return call.accepted((), arguments, options, self._runtime().intake)

    def _runtime(self) -> Runtime:
        if self.mail.suppress:
            return self.mail.aside
        process.take(self.mail)
        return runtime()

    def _take(self, accepted: Accepted, message: Message | None) -> MailResult | None:
        self.num_emails += 1
        if self.mail.suppress or self.mail.send_now:
            if not self.mail.suppress:
                mine = runtime()
                deliver_inline(accepted, composer=mine.composer, router=mine.inline_router)
            self._tell(message)
            return None
        self._kept.append((accepted, message))
        if self._depth and len(self._kept) != self.mail.max_emails:
            return None
        return self._enqueue()

    def _enqueue(self) -> MailResult | None:
        kept, self._kept = self._kept, []
        if not kept:
            return None
        added = enqueue([accepted for accepted, _ in kept])
        for _, message in kept:
            self._tell(message)
        return MailResult(added[-1].mail_id, app=celery_app)

    def _tell(self, message: Message | None) -> None:
        if message is not None:
            email_dispatched.send(self._app, message=message)
