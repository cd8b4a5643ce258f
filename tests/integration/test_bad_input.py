"""Bad input is refused before any octet is on the wire, and the session stays usable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from notifier.errors import DeliveryError, InvalidAddress
from notifier.model.address import Address
from notifier.model.envelope import Envelope, MailObject
from notifier.model.parameters import DeliverBy, MailParameters, RcptParameters
from notifier.protocol.commands import Hello
from notifier.settings.relay import parse_relay
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.testing import HostileServer

DATA = b"Subject: hi\r\n\r\nhello\r\n"
OFFERS = [("PIPELINING", "8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES"), ("PIPELINING", "8BITMIME"), ("8BITMIME",)]


@pytest.fixture(params=OFFERS, ids=["chunked", "pipelined", "lock step"])
def server(request: pytest.FixtureRequest) -> Iterator[HostileServer]:
    with HostileServer(offers=request.param) as hostile:
        yield hostile


@pytest.fixture
def session(server: HostileServer) -> Iterator[Session]:
    where = Endpoint(server.host, server.port, tls=TLSPolicy.NONE, ehlo_name="client.example")
    with Session.open(where) as opened:
        yield opened


# 2.1 ----------------------------------------------------------------------------------------------------------------

NO_PATHS = [
    "a b@c.d", "a@b.c\r\nRCPT TO:<e@x>", "a@b\n", "a\r@b", "a\0@b", "a\x1f@b", "a\x7f@b", "a@b> SIZE=1", "<a@b.c>", "A <b@c.d>",
    '"a\r\nDATA"@b.c', '"open@b.c', "a@b.c, d@e.f", "\ud800@b.c", "x" * 300 + "@b.c", "",
]  # fmt: skip


@pytest.mark.parametrize("path", NO_PATHS)
def test_a_path_that_smtp_cannot_carry_is_refused_and_the_session_goes_on(
    path: str, session: Session, server: HostileServer
) -> None:
    heard = server.heard[0]
    with pytest.raises(ValueError, match="forward-path"):
        session.send_many([MailObject(Envelope("s@x", ("good@x",)), DATA), MailObject(Envelope("s@x", (path,)), DATA)])
    if path:
        with pytest.raises(ValueError, match="reverse-path"):
            session.send_many([MailObject(Envelope(path, ("good@x",)), DATA)])
    assert server.heard[0] == heard
    (outcome,) = session.send_many([MailObject(Envelope("s@x", ("good@x",)), DATA)])
    assert outcome.recipients["good@x"].state == "accepted"


@pytest.mark.parametrize("char", ["\u760d", "\u760a", "\u0a0d", "\u200b", "\uff20"])
def test_no_character_is_narrowed_to_a_control(char: str, session: Session, server: HostileServer) -> None:
    """CVE-2025-7962: the low octet of these is CR, LF or @."""
    (outcome,) = session.send_many([MailObject(Envelope("s@x", (f"a{char}b@c.d",)), DATA)])
    assert outcome.recipients[f"a{char}b@c.d"].fault.taxonomy_id == "E6"  # the server has no SMTPUTF8
    assert b"\rb" not in server.heard[0]


ADDRESSES = [
    "", "a", "@b.c", "a@", "a@@b.c", "a b@c.d", "a@b..c", ".a@b.c", "a.@b.c", "x" * 65 + "@b.c", "a@" + "b" * 64 + ".c",
    "a@" + "b." * 128 + "c", "a@b.c\r\nRCPT TO:<e@x>", "a@b.c\n", "a\0@b.c", "a\x1b@b.c", "a@b> SIZE=1", "a@b.c, d@e.f",
    '"x@evil.com x"@internal.dom extra', '"a\r\nDATA"@b.c', "alice@example.org)bob@evil", "a@evil.com@ok.org", "<@x:a@b>",
    "a@[127.0.0.1]", "a@[IPv6:::1]", "postmaster", "g: a@b.c;", "g:" * 3000 + "a@b;", "\ud800@b.c", "a" * 1_000_000,
    None, 7, b"a@b.c", ["a@b.c"], "a@b.c\u2028", "a@b\r.c", "ok@exa\u200dmple.org",
]  # fmt: skip


@pytest.mark.parametrize("text", ADDRESSES, ids=lambda text: repr(text)[:30])
def test_what_is_no_address_is_refused(text: object) -> None:
    with pytest.raises(InvalidAddress):
        Address.parse(text)


def test_a_quoted_local_part_goes_to_its_own_domain_alone() -> None:
    """GHSA-mm7p-fcc7-pg87: it was sent to evil.com."""
    assert Address.parse('"x@evil.com x"@internal.example').ascii_domain == "internal.example"


# 2.3 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: MailParameters(envid="x" * 101), "ENVID"),
        (lambda: MailParameters(envid="a\r\nb"), "ENVID"),
        (lambda: MailParameters(ret="X"), "RET"),
        (lambda: MailParameters(auth="a\r\nRSET"), "AUTH"),
        (lambda: MailParameters(priority=10), "MT-PRIORITY"),
        (lambda: MailParameters(priority=True), "MT-PRIORITY"),
        (lambda: MailParameters(hold_for=0), "HOLDFOR"),
        (lambda: MailParameters(hold_for=10**10), "HOLDFOR"),
        (lambda: MailParameters(hold_until=datetime(2030, 1, 1)), "HOLDUNTIL"),  # noqa: DTZ001 - that is what is refused
        (lambda: DeliverBy(0, "R"), "DELIVERBY"),
        (lambda: DeliverBy(5, "X"), "DELIVERBY"),
        (lambda: DeliverBy("5", "N"), "DELIVERBY"),
        (lambda: RcptParameters(("NEVER", "SUCCESS")), "NOTIFY"),
        (lambda: RcptParameters(("SOMETIMES",)), "NOTIFY"),
        (lambda: RcptParameters(("DELAY", "DELAY")), "NOTIFY"),
        (lambda: RcptParameters(orcpt="no type"), "ORCPT"),
        (lambda: RcptParameters(orcpt="rfc822;a\r\nb"), "ORCPT"),
    ],
)
def test_a_parameter_that_the_rfcs_do_not_allow_is_refused_by_name(make: object, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        make()  # type: ignore[operator]


NO_NAMES = ["", " ", "a b", "a\r\nMAIL FROM:<x>", "a_b", "ü.example", "x" * 300, "a\0", "127.0.0.1;x", "[1.2.3.4", "-a"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_an_ehlo_name_that_is_none_is_refused_before_anything_is_sent(name: str, server: HostileServer) -> None:
    with pytest.raises(ValueError, match="EHLO name"):
        Hello(name).encode()
    if name:  # an empty one stands for this host's own
        with pytest.raises(ValueError, match="EHLO name"):
            Session.open(Endpoint(server.host, server.port, tls=TLSPolicy.NONE, ehlo_name=name))
        assert server.heard[-1] == b""


@pytest.mark.parametrize(
    "url",
    [
        "smtp://smtp.x\r\n", "http://smtp", "smtp://host:0", "smtp://host:65536", "smtp://host:25; rm", "smtp://a b", "smtp://:25",
        "smtp://host/path", "smtp://host?mechanisms=PLAN", "smtp://host?window=0", "smtp://host?key=/nowhere", "smtp://host?what=1",
    ],
)  # fmt: skip
def test_a_relay_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_relay(url)


def test_c4_a_source_address_that_is_not_ours(server: HostileServer) -> None:
    with pytest.raises(DeliveryError) as caught:
        Session.open(Endpoint(server.host, server.port, tls=TLSPolicy.NONE, source_address="192.0.2.1"))
    assert caught.value.taxonomy_id == "C4"


# 2.4 ----------------------------------------------------------------------------------------------------------------

BODIES = [
    b".\r\n", b"..\r\n", b".x\r\n", b"a\r\n.\r\n", b"a\r\n.", b".", b"a\r\n..\r\n.b\r\n", b"\r\n", b"\r\n\r\n\r\n", b"no end", b"",
    b"x" * 998 + b"\r\n", b"x" * 5000 + b"\r\n", b"From here\r\n", b"\xff\xfe\r\n", b"a\0b\r\n",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body)[:20])
def test_64_a_message_arrives_octet_for_octet(body: bytes, session: Session, server: HostileServer) -> None:
    mail = MailObject(Envelope("s@x", ("a@x",)), DATA + body, eight_bit=not body.isascii())
    (outcome,) = session.send_many([mail])
    assert outcome.recipients["a@x"].state == "accepted"
    (accepted,) = server.accepted
    ends = body.endswith(b"\r\n") or not body or "CHUNKING" in server.offers  # DATA cannot leave a last line open
    assert accepted.octets == DATA + body + (b"" if ends else b"\r\n")


SMUGGLED = b"\r\nMAIL FROM:<e@x>\r\nRCPT TO:<v@x>\r\nDATA\r\nevil\r\n.\r\n"


@pytest.mark.parametrize("end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\r", b"\r\n.\n", b"\x00\r\n.\n", b"\n", b"\r"])
def test_65_smuggling_is_refused_before_anything_is_sent(end: bytes, session: Session, server: HostileServer) -> None:
    with pytest.raises(ValueError, match="bare CR or LF"):
        session.send_many([MailObject(Envelope("s@x", ("a@x",)), DATA + end + SMUGGLED)])
    assert server.accepted == []
    (outcome,) = session.send_many([MailObject(Envelope("s@x", ("a@x",)), DATA + b"a\0" + SMUGGLED)])
    assert outcome.recipients["a@x"].state == "accepted"
    assert len(server.accepted) == 1


def test_68_octets_over_127_are_not_sent_where_the_server_has_no_8bitmime() -> None:
    with HostileServer(offers=("PIPELINING",)) as server:
        with Session.open(Endpoint(server.host, server.port, tls=TLSPolicy.NONE)) as session:
            (outcome,) = session.send_many([MailObject(Envelope("s@x", ("a@x",)), "ü\r\n".encode(), eight_bit=True)])
        assert outcome.recipients["a@x"].fault.taxonomy_id == "E6"
        assert b"MAIL" not in server.heard[0]
