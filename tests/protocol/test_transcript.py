"""What a transcript shows, and what it never does."""

from __future__ import annotations

from notifier.model.secret import Secret
from notifier.protocol.commands import Auth, AuthAnswer, Hello, Rset
from notifier.protocol.connection import Connection
from notifier.protocol.reply import Reply
from notifier.protocol.transcript import MAX_LINES, Transcript

PLAIN = "AHpvZQBodW50ZXIy"


def test_both_sides_stand_in_it_without_the_login() -> None:
    transcript = Transcript()
    transcript.received(Reply(220, (b"hi", b"there")))
    transcript.sent(Hello("client.example"))
    transcript.sent(Auth("PLAIN", Secret("\0zoe\0hunter2")))
    transcript.received(Reply(334, (b"UGFzc3dvcmQ6",)))
    transcript.sent(AuthAnswer(Secret("hunter2")))
    assert transcript.take() == (
        "S: 220 hi",
        "S: 220 there",
        "C: EHLO client.example",
        "C: AUTH PLAIN ***",
        "S: 334 ***",
        "C: ***",
    )
    assert transcript.take() == ()


def test_law_15_what_the_server_repeats_of_a_login_never_enters_it_nor_a_reply() -> None:
    transcript = Transcript()
    connection = Connection(transcript)
    connection.receive(b"220 hi\r\n")
    connection.send(Auth("PLAIN", Secret("\0zoe\0hunter2")))
    connection.receive(b"235-hello, your " + PLAIN.encode() + b" is fine\r\n235 and so is hunter2\r\n")
    transcript.take()
    connection.replies.clear()
    connection.send(Rset())
    connection.receive(b"550-5.7.1 not with " + PLAIN.encode()[3:13] + b"\r\n550 nor hunter2\r\n")
    assert transcript.take() == ("C: RSET", "S: 550 5.7.1 not with ***", "S: 550 nor ***")
    assert connection.next_reply() == Reply(550, (b"5.7.1 not with ***", b"nor ***"))


def test_an_enhanced_code_is_no_echo_of_a_user_named_5() -> None:
    connection = Connection()
    connection.receive(b"220 hi\r\n")
    connection.send(Auth("PLAIN", Secret("\x005\x00hunter2")))
    connection.receive(b"535 5.7.8 5 may not\r\n")
    connection.replies.popleft()
    assert connection.next_reply() == Reply(535, (b"5.7.8 *** may not",))


def test_what_would_change_a_terminal_does_not_enter_it() -> None:
    transcript = Transcript()
    transcript.received(Reply(250, (b"\x1b[2J\x1b]0;owned\x07hi", "\u202egnp".encode(), b"\xff\x9b31m")))
    assert transcript.take() == ("S: 250 [2J ]0;owned hi", "S: 250 gnp", "S: 250 \ufffd\ufffd31m")


def test_the_last_lines_are_kept() -> None:
    transcript = Transcript()
    for number in range(MAX_LINES + 5):
        transcript.received(Reply(250, (str(number).encode(),)))
    assert transcript.take()[0] == "S: 250 5"
