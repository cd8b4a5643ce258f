"""Flask: the names, settings and message API of Flask-Mail; mails are enqueued.

>>> from notifier.integrations.flask import Mail, Message   # doctest: +SKIP
>>> mail = Mail(app)                                        # doctest: +SKIP
>>> mail.send(Message("Hello", recipients=["zoe@example.com"], body="…"))   # doctest: +SKIP
"""

try:
    import flask as _flask  # noqa: F401 - looked for here, where the extra can be named
except ImportError as error:
    raise ImportError("Flask is not installed: pip install 'notifier-worker[flask]'") from error

from notifier.integrations.flask.attachment import Attachment
from notifier.integrations.flask.connection import Connection
from notifier.integrations.flask.dispatched import email_dispatched, signals
from notifier.integrations.flask.mail import Mail
from notifier.integrations.flask.message import Message
from notifier.integrations.flask.refusals import BadAddressError, BadHeaderError, MissingAddressError
from notifier.integrations.flask.sanitizing import (
    FlaskMailUnicodeDecodeError,
    force_text,
    sanitize_address,
    sanitize_addresses,
    sanitize_subject,
)
from notifier.integrations.flask.worker import worker_app

__all__ = [
    "Attachment",
    "BadAddressError",
    "BadHeaderError",
    "Connection",
    "FlaskMailUnicodeDecodeError",
    "Mail",
    "Message",
    "MissingAddressError",
    "email_dispatched",
    "force_text",
    "sanitize_address",
    "sanitize_addresses",
    "sanitize_subject",
    "signals",
    "worker_app",
]
