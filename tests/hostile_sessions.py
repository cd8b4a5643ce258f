"""What the tests of hostile servers share: short deadlines, mails, and the question whether an outcome is true."""

from __future__ import annotations

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome
from notifier.smtp import Endpoint, Timeouts, TLSPolicy
from notifier.testing import HostileServer

WAYS = {
    "chunked": ("PIPELINING", "8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES"),
    "pipelined": ("PIPELINING", "8BITMIME"),
    "lock step": ("8BITMIME",),
}
QUICK = Timeouts(
    connect=2, greeting=0.4, ehlo=0.4, starttls=0.5, auth=0.4, mail=0.4, rcpt=0.4, data=0.4, body_block=0.4,
    final_reply=0.6, rset=0.4, quit=0.2,
)  # fmt: skip
LONGEST = 4.0  # seconds: every deadline of a mail that meets one, and a little
MOST_MEMORY = 16 * 2**20
DATA = b"Subject: hi\r\n\r\nhello\r\n"


def endpoint(server: HostileServer, **changes: object) -> Endpoint:
    implicit = TLSPolicy.IMPLICIT if server.implicit_tls else TLSPolicy.NONE
    tls = TLSPolicy.REQUIRED if server.tls else implicit
    options = {"tls": tls, "ca_file": server.ca_file, "timeouts": QUICK, "ehlo_name": "client.example", **changes}
    return Endpoint(server.host, server.port, **options)  # type: ignore[arg-type]


def mail(*recipients: str, data: bytes = DATA) -> MailObject:
    return MailObject(Envelope("s@x.example", recipients or ("a@x.example",)), data)


def rows(outcome: Outcome) -> list[str | None]:
    return [one.fault.taxonomy_id if one.fault else None for one in outcome.recipients.values()]


def states(outcome: Outcome) -> set[str]:
    return {str(one.state) for one in outcome.recipients.values()}


def honest(server: HostileServer, outcome: Outcome) -> None:
    """Nothing is told that is not so."""
    for path, one in outcome.recipients.items():
        count = sum(path in message.recipients for message in server.accepted)
        if one.state == "accepted":
            assert count == 1
        elif one.state == "unknown":
            assert outcome.terminator_sent
            assert count <= 1
        else:
            assert count == 0
