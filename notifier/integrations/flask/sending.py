"""What `Mail` and its state both can do: Flask-Mail's users have either in their hands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flask import Flask

from notifier.integrations.flask.connection import Connection
from notifier.integrations.flask.dispatched import email_dispatched
from notifier.integrations.flask.message import Message

if TYPE_CHECKING:
    from notifier.integrations.flask.state import State
    from notifier.tasks.result import MailResult


class Sending:
    """Each raises what its mail is refused for, and `BrokerUnavailable` or `StoreUnavailable` within five seconds."""

    @abstractmethod
    def _app(self) -> Flask: ...

    @abstractmethod
    def _state(self) -> State: ...

    def connect(self) -> Connection:
        """For several messages: those of a ``with`` block are stored together at its end."""
        return Connection(self._state(), self._app())

    def send(self, message: Message, **options: Any) -> MailResult | None:
        """Enqueue a message. ``options``: ``mail_class``, ``tenant``, ``countdown`` and the like.

        The result has the mail's id, for `notifier.status`; None where nothing is stored.
        """
        connection = self.connect()
        return connection.send(message, **options) if options else message.send(connection)

    def send_message(self, *args: Any, **kwargs: Any) -> MailResult | None:
        """The same; the arguments are those of `Message`."""
        return self.send(Message(*args, **kwargs))

    def send_email(self, **call: Any) -> MailResult | None:
        """Enqueue a mail from a template: ``template=…, to=…, context=…``, what `notifier.send_email` takes, and Celery's options.

        Its sender is `MAIL_DEFAULT_SENDER` where neither the call nor the template names one.
        """
        return self.connect().send_email(**call)

    @contextmanager
    def record_messages(self) -> Iterator[list[Message]]:
        """The messages that are dispatched meanwhile, also where they are suppressed."""
        outbox: list[Message] = []

        def record(app: Flask, message: Message) -> None:  # noqa: ARG001 - blinker passes both
            outbox.append(message)

        with email_dispatched.connected_to(record):
            yield outbox
