"""The blocking SMTP and LMTP client. Loads neither celery nor redis.

`Session` is what the pool lends; `SMTP`, `SMTP_SSL` and `LMTP` are for programs written for the standard library:
``from notifier import smtp as smtplib``.
"""

from notifier.smtp.dropin import *  # noqa: F403 - every name of the drop-in, listed in its __all__
from notifier.smtp.dropin import __all__ as _dropin
from notifier.smtp.endpoint import Endpoint, Mode, Timeouts, TLSPolicy
from notifier.smtp.session import Session
from notifier.smtp.window import Window

__all__ = ["Endpoint", "Mode", "Session", "TLSPolicy", "Timeouts", "Window"]
__all__ += _dropin  # noqa: PLE0605 - a list of names too
