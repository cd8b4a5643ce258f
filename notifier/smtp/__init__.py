"""The blocking SMTP and LMTP client. Loads neither celery nor redis.

`Session` is what the pool lends; `SMTP`, `SMTP_SSL` and `LMTP` are for programs written for the standard library:
``from notifier import smtp as smtplib``. Such programs do not wait for the session's modules: its names are loaded when
they are first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from notifier.smtp.dropin import *  # noqa: F403 - every name of the drop-in, listed in its __all__
from notifier.smtp.dropin import __all__ as _dropin
from notifier.smtp.dropin.borrowed import borrowed

if TYPE_CHECKING:
    from notifier.smtp.endpoint import Endpoint, Mode, Timeouts, TLSPolicy
    from notifier.smtp.proxy import Proxy, ProxyKind
    from notifier.smtp.quota import Quota
    from notifier.smtp.session import Session
    from notifier.smtp.window import Window

__all__ = ["Endpoint", "Mode", "Proxy", "ProxyKind", "Quota", "Session", "TLSPolicy", "Timeouts", "Window"]

_HOME = dict.fromkeys(["Endpoint", "Mode", "TLSPolicy", "Timeouts"], "notifier.smtp.endpoint")
_HOME |= dict.fromkeys(["Proxy", "ProxyKind"], "notifier.smtp.proxy")
_HOME |= {"Session": "notifier.smtp.session", "Quota": "notifier.smtp.quota", "Window": "notifier.smtp.window"}

__all__ += _dropin  # noqa: PLE0605 - a list of names too


def __getattr__(name: str) -> Any:
    return getattr(import_module(_HOME[name]), name) if name in _HOME else borrowed(name, __name__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
