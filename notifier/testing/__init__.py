"""Servers for tests and demos, a product of their own: a catching SMTP server, a hostile one, and an embedded Valkey.

>>> with CatchingServer() as server:                       # doctest: +SKIP
...     send_something_to(server.host, server.port)
...     assert server.mailbox.wait_for(1, timeout=5)
"""

from notifier.testing.hostile import Accepted, HostileServer, Moment
from notifier.testing.mailbox import CaughtMail, Mailbox
from notifier.testing.mischief import (
    Blackhole,
    Delay,
    Drip,
    Drop,
    Flood,
    HalfClose,
    Inject,
    Mischief,
    Refuse,
    Reset,
    Say,
    Skip,
    Twice,
)
from notifier.testing.outbox import Outbox
from notifier.testing.peer import Cut
from notifier.testing.relay import TestRelay
from notifier.testing.script import Action, Script
from notifier.testing.server import CatchingServer
from notifier.testing.valkey import EmbeddedValkey
from notifier.testing.visits import Visit, Visits

__all__ = [
    "Accepted",
    "Action",
    "Blackhole",
    "CatchingServer",
    "CaughtMail",
    "Cut",
    "Delay",
    "Drip",
    "Drop",
    "EmbeddedValkey",
    "Flood",
    "HalfClose",
    "HostileServer",
    "Inject",
    "Mailbox",
    "Mischief",
    "Moment",
    "Outbox",
    "Refuse",
    "Reset",
    "Say",
    "Script",
    "Skip",
    "TestRelay",
    "Twice",
    "Visit",
    "Visits",
]
