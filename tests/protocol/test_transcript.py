"""What a transcript shows, and what it never does."""

from __future__ import annotations

from notifier.model.secret import Secret
from notifier.protocol.commands import Auth, AuthAnswer, Hello
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


def test_law_15_what_the_server_repeats_of_a_login_never_enters_it() -> None:
    transcript = Transcript()
    transcript.sent(Auth("PLAIN", Secret("\0zoe\0hunter2")))
    transcript.received(Reply(235, (b"hello, your " + PLAIN.encode() + b" is fine", b"and so is hunter2")))
    transcript.take()
    transcript.received(Reply(550, (b"5.7.1 not with " + PLAIN.encode()[3:13], b"nor hunter2")))
    assert transcript.take() == ("S: 550 5.7.1 not with ***", "S: 550 nor ***")


def test_what_would_change_a_terminal_does_not_enter_it() -> None:
    transcript = Transcript()
    transcript.received(Reply(250, (b"\x1b[2J\x1b]0;owned\x07hi", "\u202egnp".encode(), b"\xff\x9b31m")))
    assert transcript.take() == ("S: 250 [2J ]0;owned hi", "S: 250 gnp", "S: 250 \ufffd\ufffd31m")


def test_the_last_lines_are_kept() -> None:
    transcript = Transcript()
    for number in range(MAX_LINES + 5):
        transcript.received(Reply(250, (str(number).encode(),)))
    assert transcript.take()[0] == "S: 250 5"
