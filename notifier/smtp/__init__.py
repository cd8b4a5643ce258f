"""The blocking SMTP and LMTP client. Loads neither celery nor redis."""

from notifier.smtp.endpoint import Endpoint, Mode, Timeouts, TLSPolicy
from notifier.smtp.session import Session

__all__ = ["Endpoint", "Mode", "Session", "TLSPolicy", "Timeouts"]
