"""A big message goes out of the memory that it lies in: nothing holds it twice.

The client runs in a process of its own, so that what the server keeps is not in the figure.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from notifier.testing import HostileServer

MOST = 1_000_000  # octets beyond the message itself
CLIENT = """
import json, sys, tracemalloc
from notifier.model.envelope import Envelope, MailObject
from notifier.smtp import Endpoint, Session, TLSPolicy

port, ca_file = int(sys.argv[1]), sys.argv[2] or None
envelope = Envelope("s@x.example", ("a@x.example",))
big = MailObject(envelope, b"x" * 70 + b"\\r\\n" + b".y\\r\\n" * 6_250_000)
policy = TLSPolicy.REQUIRED if ca_file else TLSPolicy.NONE
with Session.open(Endpoint("127.0.0.1", port, tls=policy, ca_file=ca_file)) as session:
    list(session.send_many([MailObject(envelope, b"a small one first\\r\\n")]))
    tracemalloc.start()
    (outcome,) = session.send_many([big])
    peak = tracemalloc.get_traced_memory()[1]
print(json.dumps([[one.state for one in outcome.recipients.values()], len(big.data), peak]))
"""


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize(
    "offers",
    [("PIPELINING", "CHUNKING"), ("PIPELINING",), ()],
    ids=["chunked", "pipelined", "lock step"],
)
def test_25_megabytes_cost_under_one_beside_the_message(offers: tuple[str, ...], tls: bool) -> None:
    with HostileServer(offers=offers, tls=tls) as server:
        command = [sys.executable, "-c", CLIENT, str(server.port), server.ca_file or ""]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    states, size, peak = json.loads(ran.stdout)
    assert states == ["accepted"]
    assert size > 25_000_000
    assert len(server.accepted[1].octets) == size
    assert peak < MOST
