"""Delivery to the hosts that the recipients' domains name: MX records, DANE and MTA-STS. Needs the extra ``mx``.

`Router` says to which hosts a domain's mail goes, and what its TLS must prove there. It looks nothing up before it is
asked, and dnspython is imported when a `Router` is opened.
"""

from notifier.smtp.mx.routing import Hop, Route, Router
from notifier.smtp.mx.rules import MTASTS, MX_TIMEOUTS, MxRules

__all__ = ["MTASTS", "MX_TIMEOUTS", "Hop", "MxRules", "Route", "Router"]
