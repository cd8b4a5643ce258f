"""Where recipients unsubscribe (RFC 8058): one desk, behind WSGI and ASGI, without a framework. `notifier.tasks.unsubscribe`
joins it to this process's settings and store.
"""

from notifier.unsubscribe.desk import Answer, Desk
from notifier.unsubscribe.gateways import ASGI, WSGI

__all__ = ["ASGI", "WSGI", "Answer", "Desk"]
