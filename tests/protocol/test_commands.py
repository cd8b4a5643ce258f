from __future__ import annotations

import pytest

from notifier.model.secret import Secret
from notifier.protocol.commands import (
    Auth,
    AuthAnswer,
    Bdat,
    Body,
    Command,
    Data,
    Hello,
    Mail,
    Quit,
    Rcpt,
    Rset,
    StartTLS,
    Terminator,
)

GOOD: list[tuple[Command, bytes]] = [
    (Hello("client.example"), b"EHLO client.example\r\n"),
    (Hello("[127.0.0.1]", "LHLO"), b"LHLO [127.0.0.1]\r\n"),
    (Hello("[IPv6:::1]"), b"EHLO [IPv6:::1]\r\n"),
    (Hello("bücher.example"), b"EHLO xn--bcher-kva.example\r\n"),
    (Hello("client"), b"EHLO client\r\n"),
    (Hello("localhost.localdomain"), b"EHLO localhost.localdomain\r\n"),
    (StartTLS(), b"STARTTLS\r\n"),
    (Mail("a@b.example"), b"MAIL FROM:<a@b.example>\r\n"),
    (Mail("", size=7, body=Body.EIGHT_BIT_MIME), b"MAIL FROM:<> SIZE=7 BODY=8BITMIME\r\n"),
    (Mail("ü@b.example", smtputf8=True), "MAIL FROM:<ü@b.example> SMTPUTF8\r\n".encode()),
    (Rcpt('"x y"@b.example'), b'RCPT TO:<"x y"@b.example>\r\n'),
    (Data(), b"DATA\r\n"),
    (Terminator(), b".\r\n"),
    (Rset(), b"RSET\r\n"),
    (Quit(), b"QUIT\r\n"),
    (Auth("PLAIN", Secret("\0u\0p")), b"AUTH PLAIN AHUAcA==\r\n"),
    (Auth("EXTERNAL", Secret("")), b"AUTH EXTERNAL =\r\n"),
    (Auth("LOGIN"), b"AUTH LOGIN\r\n"),
    (AuthAnswer(Secret("")), b"\r\n"),
    (AuthAnswer(Secret("zoe")), b"em9l\r\n"),
    (Bdat(7, last=False), b"BDAT 7\r\n"),
    (Bdat(0, last=True), b"BDAT 0 LAST\r\n"),
    (Mail("a@b.c", parameters=("RET=HDRS", "ENVID=a+2Bb")), b"MAIL FROM:<a@b.c> RET=HDRS ENVID=a+2Bb\r\n"),
    (Rcpt("a@b.c", ("NOTIFY=NEVER",)), b"RCPT TO:<a@b.c> NOTIFY=NEVER\r\n"),
]
BAD: list[Command] = [
    Rcpt("a@b.c\r\nDATA"), Rcpt("a@b> SIZE=1"), Rcpt("a b@c"), Rcpt(""), Rcpt("a" * 300 + "@b.c"), Rcpt("a\x00@b"),
    Rcpt('"a\r\n"@b'), Rcpt('"unclosed@b'), Mail("a@b\n"), Mail("ü@b"), Mail("a@b", size=-1), Mail("a@b", size=True),
    Mail("a@b", size="5\r\nRCPT TO:<e@x>"),  # type: ignore[arg-type]
    Mail("a@b", parameters=("RET=HDRS\r\nDATA",)), Mail("a@b", parameters=("A B",)), Rcpt("a@b", ("",)), Rcpt("a\ud800@b"),
    Hello(""), Hello("a b"), Hello("a\r\nMAIL"), Hello("ü .example"), Hello("x" * 300), Hello("x", "QUIT"),
    Hello("127.0.0.1"), Hello("999.1.1.1"), Hello("[::1]"), Hello("[abc]"), Hello("[999.1.1.1]"), Hello("[127.0.0.1"), Hello("[IPv6:fe80::1%a]"),
    Hello("a..b"), Hello("a.b."), Hello("x" * 64 + ".b"), Hello("a.-b"), Hello("-a.b"), Hello("a_b.example"), Hello(".".join(["ab"] * 100)),
    Hello("\ud800.example"), Hello("a\u3002b"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "line"), GOOD)
def test_a_command_is_one_line(command: Command, line: bytes) -> None:
    assert command.encode() == line


@pytest.mark.parametrize("command", BAD)
def test_law_5_nothing_that_could_be_a_second_command_is_encoded(command: Command) -> None:
    with pytest.raises(ValueError, match=r"."):
        command.encode()


def test_a_command_with_a_password_does_not_show_it() -> None:
    assert "hunter2" not in f"{Auth('PLAIN', Secret('hunter2'))!r} {AuthAnswer(Secret('hunter2'))!r}"
