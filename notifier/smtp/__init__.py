"""The blocking SMTP and LMTP client. Loads neither celery nor redis.

`Session` is what the pool lends; `SMTP`, `SMTP_SSL` and `LMTP` are for programs written for the standard library:
``from notifier import smtp as smtplib``. Each name is loaded when it is first used (PEP 562), so that such programs do not
wait for the session's modules, and workers not for the drop-in's.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifier.smtp.dropin import (
        CRLF,
        LMTP,
        LMTP_PORT,
        OLDSTYLE_AUTH,
        SMTP,
        SMTP_PORT,
        SMTP_SSL,
        SMTP_SSL_PORT,
        SMTPAuthenticationError,
        SMTPConnectError,
        SMTPDataError,
        SMTPException,
        SMTPHeloError,
        SMTPNotSupportedError,
        SMTPRecipientsRefused,
        SMTPResponseException,
        SMTPSenderRefused,
        SMTPServerDisconnected,
        bCRLF,
        quoteaddr,
        quotedata,
    )
    from notifier.smtp.endpoint import Endpoint, Mode, Timeouts, TLSPolicy
    from notifier.smtp.proxy import Proxy, ProxyKind
    from notifier.smtp.quota import Quota
    from notifier.smtp.session import Session
    from notifier.smtp.window import Window

__all__ = [
    "CRLF",
    "LMTP",
    "LMTP_PORT",
    "OLDSTYLE_AUTH",
    "SMTP",
    "SMTP_PORT",
    "SMTP_SSL",
    "SMTP_SSL_PORT",
    "Endpoint",
    "Mode",
    "Proxy",
    "ProxyKind",
    "Quota",
    "SMTPAuthenticationError",
    "SMTPConnectError",
    "SMTPDataError",
    "SMTPException",
    "SMTPHeloError",
    "SMTPNotSupportedError",
    "SMTPRecipientsRefused",
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "Session",
    "TLSPolicy",
    "Timeouts",
    "Window",
    "bCRLF",
    "quoteaddr",
    "quotedata",
]

_HOME = dict.fromkeys(["Endpoint", "Mode", "TLSPolicy", "Timeouts"], "notifier.smtp.endpoint")
_HOME |= dict.fromkeys(["Proxy", "ProxyKind"], "notifier.smtp.proxy")
_HOME |= {"Session": "notifier.smtp.session", "Quota": "notifier.smtp.quota", "Window": "notifier.smtp.window"}
_DROPIN = "notifier.smtp.dropin"


def __getattr__(name: str) -> Any:
    # Not kept here: tests put doubles in the places of names, there, and take them back.
    if name in __all__:
        return getattr(import_module(_HOME.get(name, _DROPIN)), name)
    if name == "dropin":
        return import_module(_DROPIN)
    return import_module(f"{_DROPIN}.borrowed").borrowed(name, __name__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
