"""Servers for tests and demos, a product of their own: a catching SMTP server and an embedded Valkey.

>>> with CatchingServer() as server:                       # doctest: +SKIP
...     send_something_to(server.host, server.port)
...     assert server.mailbox.wait_for(1, timeout=5)
"""

from notifier.testing.mailbox import CaughtMail, Mailbox
from notifier.testing.script import Action, Script
from notifier.testing.server import CatchingServer
from notifier.testing.valkey import EmbeddedValkey

__all__ = ["Action", "CatchingServer", "CaughtMail", "EmbeddedValkey", "Mailbox", "Script"]
