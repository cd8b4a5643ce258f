"""`State`: what one Flask app's configuration says, as ``app.extensions["mail"]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from flask import Flask

from notifier.integrations.flask.aside import aside_of
from notifier.integrations.flask.config import NO_BROKER, default_sender, names_a_broker, texts_of
from notifier.integrations.flask.mailboxes import Mailbox
from notifier.integrations.flask.sending import Sending
from notifier.integrations.flask.typed import debug_level, flag, number
from notifier.settings import Settings
from notifier.tasks.runtime import Runtime


@dataclass(eq=False)
class State(Sending):
    """Flask-Mail's attributes, which tests change (``suppress``), with ``send_now``: mails are not enqueued but handed to the relay.

    ``texts``: Notifier's settings. Changes of the configuration are not looked at later, but those of files that it names are.
    """

    app: Flask = field(repr=False)
    server: str
    username: str | None
    password: str | None = field(repr=False)
    port: int
    use_tls: bool
    use_ssl: bool
    default_sender: Mailbox | None
    debug: int
    max_emails: int | None
    suppress: bool
    ascii_attachments: bool
    send_now: bool
    texts: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, app: Flask) -> Self:
        """Raises `ConfigurationError` with everything that cannot work; a broker may still be missing."""
        config = app.config
        texts = texts_of(config)
        told: list[str] = []  # everything that is wrong is told above
        send_now = flag(config, "MAIL_SEND_NOW", told)
        named = names_a_broker(texts)
        Settings.load(texts if named else {**NO_BROKER, **texts})
        return cls(
            app=app,
            server=config.get("MAIL_SERVER", "127.0.0.1"),
            username=config.get("MAIL_USERNAME"),
            password=config.get("MAIL_PASSWORD"),
            port=number(config, "MAIL_PORT", told, most=65535) or 25,
            use_tls=flag(config, "MAIL_USE_TLS", told),
            use_ssl=flag(config, "MAIL_USE_SSL", told),
            default_sender=default_sender(config),
            debug=debug_level(config, told, unset=app.debug),
            max_emails=number(config, "MAIL_MAX_EMAILS", told),
            suppress=flag(config, "MAIL_SUPPRESS_SEND", told, unset=app.testing),
            ascii_attachments=flag(config, "MAIL_ASCII_ATTACHMENTS", told),
            send_now=send_now,
            texts={**NO_BROKER, **texts} if send_now and not named else texts,
        )

    @property
    def aside(self) -> Runtime:
        """For checks alone, where mails are suppressed."""
        return aside_of(self.texts)

    def _app(self) -> Flask:
        return self.app

    def _state(self) -> State:
        return self


def state_of(app: Flask) -> State:
    """What `init_app` has left there. Raises `RuntimeError`, also where another extension has put its own there since."""
    state = app.extensions.get("mail")
    if isinstance(state, State):
        return state
    if state is None:
        raise RuntimeError("this Flask app has no Mail: call mail.init_app(app) when it is made")
    raise RuntimeError(
        f"the Mail of this Flask app is {type(state).__module__}'s, which was put there later; take that one out"
    )
