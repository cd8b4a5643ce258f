"""The signal that a message has been dispatched: when it is in the store, or would be if nothing were suppressed."""

from __future__ import annotations

import blinker

signals: blinker.Namespace = blinker.Namespace()
email_dispatched: blinker.NamedSignal = signals.signal(
    "email-dispatched",
    doc="Sent by the Flask app, with ``message``; also where MAIL_SUPPRESS_SEND or TESTING keep it back.",
)
