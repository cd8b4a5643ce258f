"""What the tests of hostile servers share: deadlines, mails, and the question whether an outcome is true."""

from __future__ import annotations

from dataclasses import replace

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import Outcome
from notifier.smtp import Endpoint, Timeouts, TLSPolicy
from notifier.testing import Blackhole, Delay, Drip, HostileServer, Mischief, Moment, Say, Skip
from notifier.testing.hostile import When

WAYS = {
    "chunked": ("PIPELINING", "8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES"),
    "pipelined": ("PIPELINING", "8BITMIME"),
    "lock step": ("8BITMIME",),
}
# What a phase has that is not under test: its server is a thread, and must have its turn on a machine that is loaded.
PATIENT = Timeouts(
    connect=60, greeting=60, ehlo=60, starttls=60, auth=60, mail=60, rcpt=60, data=60, body_block=60, final_reply=60, rset=60, quit=0.2,
)  # fmt: skip
LONGEST = 30.0  # seconds: no mail waits for a server that has fallen silent until a patient deadline has passed
QUICK = 0.4  # seconds: what a phase has in which the server falls silent on purpose
_TRANSACTION = (Moment.MAIL, Moment.RCPT, Moment.DATA, Moment.BODY, Moment.FINAL_REPLY, Moment.RSET)
_TIMERS = {Moment.TLS: "starttls", Moment.BODY: "body_block", Moment.IDLE: "mail"}  # else the moment's name
MOST_MEMORY = 16 * 2**20
DATA = b"Subject: hi\r\n\r\nhello\r\n"


def timeouts(server: HostileServer) -> Timeouts:
    """Short where a server of this plan falls silent, long in each other phase."""
    silent = {moment for when, mischief in server.plan.items() for moment in _silent(when, mischief)}
    return replace(PATIENT, **{_TIMERS.get(moment, str(moment)): QUICK for moment in silent - {Moment.QUIT}})


def _silent(when: When, mischief: Mischief) -> tuple[Moment, ...]:
    """The moments at which a reply may be missed."""
    moment = when[0] if isinstance(when, tuple) else when
    if not _falls_silent(mischief):
        return ()
    if moment not in _TRANSACTION:
        return (moment,)
    # A reply that is left out is made up for by the next one, be that of the next mail; silence lasts from here.
    return _TRANSACTION if isinstance(mischief, Skip) else _TRANSACTION[_TRANSACTION.index(moment) :]


def _falls_silent(mischief: Mischief) -> bool:
    if isinstance(mischief, Say):
        return not (mischief.octets.endswith(b"\r\n") or mischief.then_close)
    return isinstance(mischief, Blackhole | Skip | Delay) or (isinstance(mischief, Drip) and mischief.endless)


def endpoint(server: HostileServer, **changes: object) -> Endpoint:
    implicit = TLSPolicy.IMPLICIT if server.implicit_tls else TLSPolicy.NONE
    tls = TLSPolicy.REQUIRED if server.tls else implicit
    usual = {"tls": tls, "ca_file": server.ca_file, "timeouts": timeouts(server), "ehlo_name": "client.example"}
    options = {**usual, **changes}
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
