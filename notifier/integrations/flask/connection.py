"""`Connection`: where a message is checked, and then suppressed, handed to the relay, or enqueued."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from flask import Flask

from notifier.delivery.inline import deliver_inline
from notifier.delivery.intake import Accepted
from notifier.errors import BrokerUnavailable, IdempotencyConflict, StoreUnavailable, UnsupportedOption
from notifier.integrations.flask import process
from notifier.integrations.flask.block import Block
from notifier.integrations.flask.dispatched import email_dispatched
from notifier.integrations.flask.mailboxes import Mailbox, mailbox
from notifier.integrations.flask.message import Message
from notifier.integrations.flask.refusals import as_flask_mails
from notifier.integrations.flask.requests import options_of, request_of, with_mailboxes
from notifier.integrations.flask.templates import recorded
from notifier.rendering import Renderer
from notifier.tasks.calls import SEND_EMAIL, SEND_MESSAGE, Call
from notifier.tasks.result import MailResult
from notifier.tasks.runtime import Runtime, runtime

if TYPE_CHECKING:
    from notifier.integrations.flask.state import State


class Connection:
    """As a context manager it keeps the mails of its block, and enqueues them in one step at the end (every MAIL_MAX_EMAILS mails,
    where that is set); also after an exception, for they have been sent by then. Otherwise each is enqueued at once.
    """

    def __init__(self, mail: State, app: Flask | None = None) -> None:
        self.mail = mail
        self.num_emails = 0
        self._app = app or mail.app
        self._block = self._new_block()
        self._depth = 0
        self._conflict: IdempotencyConflict | None = None
        self._one_by_one = threading.RLock()  # who hears of a mail may send another

    def _new_block(self) -> Block:
        return Block(self._tell, self.mail.max_emails)

    def __enter__(self) -> Self:
        self._depth += 1
        self.num_emails = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if not self._depth:
            block, self._block = self._block, self._new_block()
            conflict, self._conflict = self._conflict, None
            block.store()
            if conflict is not None:
                raise conflict

    def send(self, message: Message, envelope_from: Mailbox | None = None, **options: Any) -> MailResult | None:
        """Check and send. ``envelope_from`` is for MAIL FROM, in place of the message's sender.

        Raises `MissingAddressError`, `BadHeaderError`, and other `InvalidMail` errors.
        """
        if message.date is None:
            message.date = time.time()
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
            accepted = self._accepted(SEND_EMAIL, self._with_sender(with_mailboxes(call), mine.renderer))
        # Rendered here only where somebody looks: the worker does it for the mail itself.
        return self._take(accepted, recorded(accepted, mine.renderer) if email_dispatched.receivers else None)

    def _with_sender(self, call: dict[str, Any], renderer: Renderer) -> dict[str, Any]:
        """The app's own one, where neither the call nor the template names one."""
        template, sender = call.get("template"), self.mail.default_sender
        if call.get("sender") is not None or not sender or not isinstance(template, str):
            return call
        return {**call, "sender": renderer.defaults(template).sender or mailbox(sender)}

    def _accepted(self, call: Call, given: dict[str, Any]) -> Accepted:
        options, arguments = options_of(given)
        if self.mail.send_now and options.send_at is not None:
            raise UnsupportedOption("with MAIL_SEND_NOW a mail goes out in the call; countdown and eta need a worker")
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
        if self._depth:
            with self._one_by_one:
                return self._in_block(accepted, message)
        alone = self._new_block()
        alone.keep(accepted, message)
        return alone.store()

    def _in_block(self, accepted: Accepted, message: Message | None) -> MailResult | None:
        self._block.keep(accepted, message)
        if not self._block.is_full:
            return None
        try:
            return self._block.store()
        except IdempotencyConflict as conflict:
            # It may be another message's, and this one is stored: said at the end of the block.
            self._conflict = self._conflict or conflict
            return None
        except (BrokerUnavailable, StoreUnavailable):
            # This call is refused. Those before it said nothing, and go with the next step or at the end of the block.
            self._block.give_back()
            raise

    def _tell(self, message: Message | None) -> None:
        if message is not None:
            email_dispatched.send(self._app, message=message)
