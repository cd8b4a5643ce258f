"""Fault 57 at every moment: a server that never ends costs neither memory nor time, in a session and in the drop-in."""

from __future__ import annotations

import ssl
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest
from hostile_sessions import LONGEST, MOST_MEMORY, endpoint, mail

from notifier import smtp as smtplib
from notifier.errors import DeliveryError
from notifier.model.secret import Secret
from notifier.settings.relay import parse_relay
from notifier.smtp import Session
from notifier.testing import Flood, HostileServer, Moment, Refuse, Say

CODES = {
    Moment.GREETING: b"220",
    Moment.STARTTLS: b"220",
    Moment.AUTH: b"235",
    Moment.DATA: b"354",
    Moment.QUIT: b"221",
}
FLOODS: dict[str, Callable[[bytes], bytes]] = {
    "lines": lambda code: code + b"-x\r\n",
    "one line": lambda code: code + b" " + b"x" * 1000,
    "good replies": lambda code: code + b" ok\r\n",
}


def by_session(server: HostileServer) -> None:
    with suppress(DeliveryError), Session.open(endpoint(server, username="zoe", password=Secret("hunter2"))) as session:
        list(session.send_many([mail("bad@x.example"), mail("good@x.example")]))


def by_drop_in(server: HostileServer) -> None:
    trusting = ssl.create_default_context(cafile=server.ca_file)
    with (
        suppress(smtplib.SMTPException, OSError),
        smtplib.SMTP(server.host, server.port, "client.example", timeout=1) as client,
    ):
        client.starttls(context=trusting)
        client.login("zoe", "hunter2")
        with suppress(smtplib.SMTPRecipientsRefused):
            client.sendmail("s@x.example", "bad@x.example", "hi")
        client.sendmail("s@x.example", "good@x.example", "hi")


@pytest.mark.parametrize("client", [by_session, by_drop_in], ids=["session", "drop-in"])
@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("moment", [moment for moment in Moment if moment is not Moment.TLS])
def test_57_a_flood_costs_neither_memory_nor_time(
    moment: Moment, flood: str, client: Callable[[HostileServer], None]
) -> None:
    """The first recipient is refused, so that RSET has its moment too."""
    octets = FLOODS[flood](CODES.get(moment, b"250"))
    plan = {(Moment.RCPT, 1): Refuse("550 5.1.1 no"), moment: Flood(octets)}
    with HostileServer(plan, tls=True, offers=("PIPELINING", "AUTH PLAIN")) as server:
        began = time.monotonic()
        tracemalloc.start()
        try:
            client(server)
            assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
        finally:
            tracemalloc.stop()
        assert time.monotonic() - began < LONGEST


def test_57_what_a_reply_may_have_is_an_option_of_the_relays_url() -> None:
    """A greeting of 200 lines is too much, until somebody says that his relay greets so."""
    long = b"220-read all of this before you send\r\n" * 199 + b"220 relay.example\r\n"
    with HostileServer({Moment.GREETING: Say(long)}) as server:
        url = f"smtp://{server.host}:{server.port}?tls=none"
        with pytest.raises(DeliveryError) as caught:
            Session.open(parse_relay(url).endpoint)
        assert "128 lines" in str(caught.value)
        with Session.open(parse_relay(f"{url}&reply_lines=200").endpoint) as session:
            assert [outcome.faults for outcome in session.send_many([mail()])] == [()]
        with pytest.raises(DeliveryError, match="4000 octets"):
            Session.open(parse_relay(f"{url}&reply_lines=200&reply_line=512&reply_octets=4000").endpoint)
