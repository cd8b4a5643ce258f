"""`Message`: what Flask-Mail's users build, with the same arguments, attributes and methods."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from flask import current_app, has_app_context

from notifier.errors import InvalidAddress, InvalidMail
from notifier.integrations.flask.attachment import Attachment
from notifier.integrations.flask.composing import check_header, composed
from notifier.integrations.flask.mailboxes import Mailbox, as_text, mailbox
from notifier.integrations.flask.refusals import as_flask_mails
from notifier.model.ids import new_mail_id

if TYPE_CHECKING:
    from notifier.integrations.flask.connection import Connection
    from notifier.tasks.result import MailResult

Alternatives = dict[str, str] | Iterable[tuple[str, str]]


class Message:
    """``sender``: `MAIL_DEFAULT_SENDER` where there is none. ``alts``: further texts by their subtype, ``html`` one of them.
    ``date``: seconds since the epoch; None: the time of sending. ``charset``: of the texts; None: UTF-8.

    Nothing is checked before it is sent.
    """

    def __init__(  # noqa: PLR0917 - the order of arguments is Flask-Mail's
        self,
        subject: str = "",
        recipients: list[Mailbox] | None = None,
        body: str | None = None,
        html: str | None = None,
        alts: Alternatives | None = None,
        sender: Mailbox | None = None,
        cc: list[Mailbox] | None = None,
        bcc: list[Mailbox] | None = None,
        attachments: list[Attachment] | None = None,
        reply_to: Mailbox | None = None,
        date: float | None = None,
        charset: str | None = None,
        extra_headers: dict[str, str] | None = None,
        mail_options: list[str] | None = None,
        rcpt_options: list[str] | None = None,
    ) -> None:
        sender = sender or _default_sender()
        self.subject = subject
        self.recipients: list[Mailbox] = recipients or []
        self.sender: str | None = as_text(sender) if sender else None
        self.reply_to = reply_to
        self.cc: list[Mailbox] = cc or []
        self.bcc: list[Mailbox] = bcc or []
        self.body = body
        self.alts: dict[str, str] = dict(alts or {})
        if html is not None:  # an html among the alternatives stays where the argument says nothing
            self.html = html
        self.date = date
        self.msgId = _message_id(self.sender)
        self.charset = charset
        self.extra_headers = extra_headers
        self.mail_options: list[str] = mail_options or []
        self.rcpt_options: list[str] = rcpt_options or []
        self.attachments: list[Attachment] = attachments or []

    @property
    def send_to(self) -> set[Mailbox]:
        """Everybody who gets it."""
        return {*(self.recipients or ()), *(self.cc or ()), *(self.bcc or ())}

    @property
    def html(self) -> str | None:
        """The alternative of that name."""
        return self.alts.get("html") if self.alts else None

    @html.setter
    def html(self, text: str | None) -> None:
        if text is None:
            self.alts.pop("html", None)
        else:
            self.alts["html"] = text

    def add_recipient(self, recipient: Mailbox) -> None:
        """One more."""
        self.recipients.append(recipient)

    def attach(
        self,
        filename: str | None = None,
        content_type: str | None = None,
        data: str | bytes | None = None,
        disposition: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """One more file; the arguments are those of `Attachment`."""
        self.attachments.append(Attachment(filename, content_type, data, disposition, headers))

    def has_bad_headers(self) -> bool:
        """True where sending it would raise `BadHeaderError`."""
        try:
            check_header(self)
        except InvalidMail:
            return True
        return False

    def is_bad_headers(self) -> bool:
        """The same by its old name, which Flask-Mail warns of."""
        warnings.warn("is_bad_headers is now has_bad_headers", DeprecationWarning, stacklevel=2)
        return self.has_bad_headers()

    def send(self, connection: Connection) -> MailResult | None:
        """Send it by a connection."""
        return connection.send(self)

    def as_bytes(self) -> bytes:
        """As it goes out (RFC 5322). Raises `BadHeaderError` and other `InvalidMail` errors."""
        state = current_app.extensions.get("mail") if has_app_context() else None
        with as_flask_mails():
            return composed(self, ascii_names=state is not None and state.ascii_attachments)

    def as_string(self) -> str:
        """The same as text."""
        return self.as_bytes().decode()

    def __bytes__(self) -> bytes:
        return self.as_bytes()

    def __str__(self) -> str:
        return self.as_string()


def _default_sender() -> Mailbox | None:
    if "mail" not in current_app.extensions:
        raise RuntimeError("this Flask app has no Mail: call mail.init_app(app) when it is made")
    return cast("Mailbox | None", current_app.extensions["mail"].default_sender)


def _message_id(sender: str | None) -> str:
    """In the sender's domain: asking the resolver for a name of this host could wait for seconds."""
    try:
        domain = mailbox(sender).ascii_domain
    except InvalidAddress:
        domain = "localhost"
    return f"<{new_mail_id()}@{domain}>"
