"""Bad input is refused before any octet is on the wire, and the session stays usable."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from notifier.errors import DeliveryError, InvalidAddress
from notifier.model.address import Address
from notifier.model.envelope import Envelope, MailObject
from notifier.model.parameters import DeliverBy, MailParameters, RcptParameters
from notifier.model.secret import Secret
from notifier.protocol.commands import Hello
from notifier.settings.relay import parse_relay
from notifier.smtp import Endpoint, Session, Timeouts, TLSPolicy
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


def test_what_was_checked_goes_whatever_becomes_of_the_list() -> None:
    """What is BDAT's alone went by DATA, for a list that was empty by then."""
    with HostileServer(offers=("PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME")) as server:
        where = Endpoint(server.host, server.port, tls=TLSPolicy.NONE, ehlo_name="client.example")
        with Session.open(where) as session:
            mails = [MailObject(Envelope("s@x", ("a@x",)), b"a\nb\r\n.\r\nMAIL FROM:<x@y>", binary=True)]
            outcomes = session.send_many(mails)
            mails.clear()
            (outcome,) = outcomes
            assert session.usable
        assert outcome.recipients["a@x"].state == "accepted"
        assert b"DATA\r\n" not in server.heard[0]
        assert b"BDAT" in server.heard[0]


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
        (lambda: MailParameters(envid=""), "ENVID"),
        (lambda: MailParameters(envid=5), "ENVID"),
        (lambda: MailParameters(envid="+" * 34), "ENVID"),  # 102 characters in xtext
        (lambda: MailParameters(auth="+" * 167), "AUTH"),
        (lambda: MailParameters(require_tls="no"), "REQUIRETLS"),
        (lambda: MailParameters(deliver_by={"seconds": 5}), "DELIVERBY"),
        (lambda: DeliverBy(5, "N", "yes"), "DELIVERBY"),
        (lambda: MailParameters(hold_until="2030"), "HOLDUNTIL"),
        (lambda: MailParameters(hold_until=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))), "HOLDUNTIL"),
        (lambda: RcptParameters("NEVER"), "NOTIFY"),
        (lambda: RcptParameters(orcpt="rfc822;" + "=" * 165), "ORCPT"),
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


NO_NAMES = [
    " ", "a b", "a\r\nMAIL FROM:<x>", "a_b", "ü .example", "x" * 300, "a\0", "127.0.0.1;x", "[1.2.3.4", "-a", "127.0.0.1", "[::1]",
    "[abc]", "a..b", "x" * 64 + ".example",
]  # fmt: skip


def test_what_just_fits_is_not_refused() -> None:
    early = datetime(1, 1, 1, 6, tzinfo=timezone(timedelta(hours=5)))
    of_mail = MailParameters(envid="+" * 33, auth="", hold_until=early)
    assert (of_mail.envid, of_mail.auth, of_mail.hold_until) == ("+" * 33, "", early)
    assert RcptParameters(orcpt="rfc822;" + "=" * 164).orcpt == "rfc822;" + "=" * 164


def test_a_time_of_an_early_year_is_said_with_four_digits() -> None:
    wish = MailParameters(hold_until=datetime(999, 1, 1, tzinfo=UTC))
    with (
        HostileServer(offers=("FUTURERELEASE 1 1",)) as server,
        Session.open(Endpoint(server.host, server.port, tls=TLSPolicy.NONE)) as session,
    ):
        list(session.send_many([MailObject(Envelope("s@x", ("a@x",), wish), DATA)]))
    assert b" HOLDUNTIL=0999-01-01T00:00:00Z\r\n" in server.heard[0]


@pytest.mark.parametrize("name", NO_NAMES)
def test_58_an_ehlo_name_that_is_none_is_refused_before_anything_is_connected(name: str) -> None:
    for make in (lambda: Hello(name).encode(), lambda: Endpoint("relay.example", 25, ehlo_name=name)):
        with pytest.raises(ValueError, match="EHLO name"):
            make()


def test_58_a_name_in_another_script_is_said_in_a_labels() -> None:
    with HostileServer() as server:
        where = Endpoint(server.host, server.port, tls=TLSPolicy.NONE, ehlo_name="bücher.example")
        Session.open(where).close()
    assert server.heard[0].startswith(b"EHLO xn--bcher-kva.example\r\n")


def test_58_a_name_that_is_nobodys_is_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"localhost\.localdomain, which is nobody's"):
        Endpoint("relay.example", 25, ehlo_name="localhost.localdomain")


NO_HOSTS = [
    "smtp.x\r\n", "http://smtp", "user:hunter2@host", "user@host", "host:25", "a b", "", "x" * 300, "127.0.0.1\0", "[::1]", "a..b",
    "fe80::1%a\r\nb", "host/", "\ud800", "host#x",
]  # fmt: skip


@pytest.mark.parametrize("host", NO_HOSTS)
def test_60_a_host_that_is_none_is_refused_and_not_shown(host: str) -> None:
    with pytest.raises(ValueError, match="a host is") as caught:
        Endpoint(host, 25)
    assert not host or host not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["relay.example", "relay", "my_relay", "bücher.example", "127.0.0.1", "::1", "fe80::1%lo", "a.b."]
)
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert Endpoint(host, 25).host == host


@pytest.mark.parametrize("port", [0, -1, 65536, 25 + 65536, True, "25", 25.0, None])
def test_60_a_port_that_is_none_is_refused(port: object) -> None:
    """One that is too big wraps around in the system's calls, and connects to another."""
    with pytest.raises(ValueError, match="port"):
        Endpoint("relay.example", port)  # type: ignore[arg-type]


@pytest.mark.parametrize("window", [0, -1, True, 1.5])
def test_a_window_is_a_number_of_mails(window: object) -> None:
    with pytest.raises(ValueError, match="window"):
        Endpoint("relay.example", 25, window=window)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), True, "5", None])
def test_99_a_time_that_is_none_is_refused(seconds: object) -> None:
    with pytest.raises(ValueError, match=r"timeouts\.mail"):
        Timeouts(mail=seconds)  # type: ignore[arg-type]


LOGINS: list[tuple[dict[str, object], str]] = [
    ({"password": Secret("hunter2")}, "without a username"),
    ({"username": "zoe\x01auth=Bearer evil", "token": lambda: Secret("t")}, "user name"),
    ({"username": "zoe\r\n", "password": Secret("hunter2")}, "user name"),
    ({"username": "z\ud800", "password": Secret("hunter2")}, "user name"),
    ({"username": "zoe", "password": Secret("hunter2\0")}, "password"),
    ({"username": "zoe", "password": Secret("hunter2\ud800")}, "password"),
    ({"username": "zoe", "password": Secret("hunter2"), "mechanisms": ("plain",)}, "no SASL mechanism"),
]


@pytest.mark.parametrize(("login", "what"), LOGINS)
def test_62_a_login_that_cannot_be_is_refused_and_not_shown(login: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what) as caught:
        Endpoint("relay.example", 587, **login)  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)


def test_62_8_bit_is_utf_8() -> None:
    with HostileServer(offers=("AUTH PLAIN",)) as server:
        where = Endpoint(server.host, server.port, tls=TLSPolicy.NONE, username="zoë", password=Secret("пароль"))
        Session.open(where).close()
    assert b"AUTH PLAIN " + base64.b64encode("\0zoë\0пароль".encode()) in server.heard[0]


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
