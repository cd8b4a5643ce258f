"""From the greeting to a session that may send mail, at every split of what the server says."""

from __future__ import annotations

import pytest
from transcripts import Scripted, at_every_split, splits

from notifier.errors import DeliveryError
from notifier.model.secret import Secret
from notifier.protocol.dialogue import Loss
from notifier.protocol.extensions import Extensions
from notifier.protocol.handshake import Wish, handshake
from notifier.protocol.sasl.choice import Credentials

CLEAR = Wish("relay:25", "client.example", starttls_required=False, starttls_welcome=False)
TLS = Wish("relay:25", "client.example")
ZOE = Credentials("zoe", Secret("hunter2"))
LOGIN = TLS._replace(credentials=ZOE)
HELLO = b"220 hi\r\n250-relay\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
INSIDE = b"250-relay\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n"


def play(server: bytes, wish: Wish, pieces: list[bytes] | None = None) -> tuple[Extensions, Scripted]:
    """With ``pieces`` as they are; else at every split."""
    if pieces is None:
        at_every_split(server, lambda pieces: _shaken(pieces, wish))
    scripted = Scripted(iter(pieces or server.splitlines(keepends=True)), Loss.CLOSED)
    return scripted.play(handshake(wish)), scripted


def _shaken(pieces: list[bytes], wish: Wish) -> object:
    scripted = Scripted(iter(pieces), Loss.CLOSED)
    try:
        offered: object = scripted.play(handshake(wish))
    except DeliveryError as error:
        offered = error.taxonomy_id
    return offered, scripted.wire.sent


def refused(server: bytes, wish: Wish) -> tuple[str, Scripted]:
    at_every_split(server, lambda pieces: _shaken(pieces, wish))
    scripted = Scripted(iter(server.splitlines(keepends=True)), Loss.CLOSED)
    with pytest.raises(DeliveryError) as caught:
        scripted.play(handshake(wish))
    return caught.value.taxonomy_id, scripted


def test_clear_text_at_every_split() -> None:
    server = b"220-hi\r\n220 there\r\n250-relay\r\n250-SIZE 1000\r\n250-AUTH=LOGIN\r\n250 auth plain\r\n"
    for pieces in splits(server):
        offered, scripted = play(server, CLEAR, pieces)
        assert scripted.wire.sent == b"EHLO client.example\r\n"
        assert (offered.size_limit, offered.auth_mechanisms) == (1000, ("LOGIN", "PLAIN"))


def test_law_6_what_was_said_before_tls_is_forgotten() -> None:
    server = HELLO + b"220 go\r\n" + b"250 relay\r\n"
    for pieces in splits(server):
        offered, scripted = play(server, TLS, pieces)
        assert scripted.wire.events == ["send", "send", "tls", "send"]
        assert "PIPELINING" not in offered


def test_law_11_plain_inside_tls() -> None:
    _, scripted = play(HELLO + b"220 go\r\n" + INSIDE + b"235 welcome\r\n", LOGIN)
    assert scripted.wire.sent.endswith(b"AUTH PLAIN AHpvZQBodW50ZXIy\r\n")


def test_law_11_login_where_plain_is_not_offered() -> None:
    inside = b"250-relay\r\n250 AUTH LOGIN\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 welcome\r\n"
    _, scripted = play(HELLO + b"220 go\r\n" + inside, LOGIN)
    assert scripted.wire.sent.endswith(b"AUTH LOGIN\r\nem9l\r\naHVudGVyMg==\r\n")


@pytest.mark.parametrize(
    ("server", "wish", "row"),
    [
        (b"", CLEAR, "C5"),
        (b"421 busy\r\n", CLEAR, "G1"),
        (b"554 no\r\n", CLEAR, "G2"),
        (b"250 what\r\n", CLEAR, "G4"),
        (b"HTTP/1.1 400 Bad\r\n", CLEAR, "G4"),
        (b"220 hi\r\n", CLEAR, "E3"),
        (b"220 hi\r\n421 bye\r\n", CLEAR, "E3"),
        (b"220 hi\r\n501 your name\r\n", CLEAR, "E2"),
        (b"220 hi\r\n502 what\r\n", TLS, "E1"),
        (b"220 hi\r\n250 relay\r\n", TLS, "S1"),
        (HELLO + b"454 later\r\n", TLS, "S3"),
        (HELLO + b"501 what\r\n", TLS, "S4"),
        (HELLO, TLS, "L1"),
        (HELLO + b"220 go\r\n250 relay\r\n", LOGIN, "E4"),
        (HELLO + b"220 go\r\n" + INSIDE + b"535 5.7.8 wrong\r\n", LOGIN, "A1"),
        (HELLO + b"220 go\r\n" + INSIDE + b"454 4.7.0 later\r\n", LOGIN, "A2"),
        (HELLO + b"220 go\r\n" + INSIDE + b"432 4.7.12 change\r\n", LOGIN, "A4"),
        (HELLO + b"220 go\r\n" + INSIDE, LOGIN, "A8"),
        (b"220 hi\r\n" + INSIDE, CLEAR._replace(credentials=ZOE), "A3"),
    ],
)
def test_each_refusal_has_its_row(server: bytes, wish: Wish, row: str) -> None:
    found, scripted = refused(server, wish)
    assert found == row
    assert row != "S1" or b"AUTH" not in scripted.wire.sent


def test_law_11_after_535_nothing_else_is_tried() -> None:
    _, scripted = refused(HELLO + b"220 go\r\n" + INSIDE + b"535 5.7.8 wrong\r\n", LOGIN)
    assert b"AUTH LOGIN" not in scripted.wire.sent


def test_law_11_another_mechanism_is_tried_where_the_first_is_not_allowed() -> None:
    tail = b"504 5.5.4 not this\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 ok\r\n"
    _, scripted = play(HELLO + b"220 go\r\n" + INSIDE + tail, LOGIN)
    assert b"AUTH LOGIN" in scripted.wire.sent


def test_a_question_that_plain_does_not_have_ends_the_exchange() -> None:
    row, scripted = refused(HELLO + b"220 go\r\n" + INSIDE + b"334 more\r\n501 ended\r\n", LOGIN)
    assert row == "A6"
    assert scripted.wire.sent.endswith(b"*\r\n")


def test_law_11_clear_text_auth_only_where_the_way_is_loopback() -> None:
    wish = CLEAR._replace(credentials=ZOE, clear_auth=True)
    _, scripted = play(b"220 hi\r\n" + INSIDE + b"235 ok\r\n", wish)
    assert b"AUTH PLAIN" in scripted.wire.sent


def test_a_server_of_before_1995_is_greeted_with_helo_where_nothing_more_is_needed() -> None:
    _, scripted = play(b"220 hi\r\n502 what\r\n250 relay\r\n", CLEAR)
    assert scripted.wire.sent == b"EHLO client.example\r\nHELO client.example\r\n"


def test_errors_do_not_hold_the_password() -> None:
    scripted = Scripted(iter((HELLO + b"220 go\r\n" + INSIDE + b"535 no\r\n").splitlines(keepends=True)), Loss.CLOSED)
    with pytest.raises(DeliveryError) as caught:
        scripted.play(handshake(LOGIN))
    assert "hunter2" not in f"{caught.value!r} {caught.value} {caught.value.fault}"
