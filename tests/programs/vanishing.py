"""A relay that vanishes as the terminator is written, on a network of this process's own: no packet arrives any more, and no RST.

Prints the row of what the session made of it. Runs under `unshare --map-root-user --net`.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from notifier.model.envelope import Envelope, MailObject
from notifier.smtp import Endpoint, Session, Timeouts, TLSPolicy
from notifier.testing import CatchingServer

PATIENCE = 40.0  # seconds for the final reply; the system's word comes long before
MAIL = MailObject(Envelope("s@x.example", ("zoe@x.example",)), b"Subject: hi\r\n\r\nhello\r\n")


def loopback(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def vanished(_: Sequence[int]) -> float:
    loopback("down")
    return time.monotonic() + PATIENCE


def main() -> None:
    loopback("up")
    with CatchingServer() as server:
        relay = Endpoint(
            "127.0.0.1", server.port, tls=TLSPolicy.NONE, timeouts=Timeouts(final_reply=PATIENCE), user_timeout=0.5
        )
        (outcome,) = Session.open(relay).send_many([MAIL], vanished)
        print(*[found.fault and found.fault.taxonomy_id for found in outcome.recipients.values()])
        loopback("up")


if __name__ == "__main__":
    main()
