"""Where the standard module is wrong and ours is right: one row of `docs/reference/dropin.md` each."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from lockstep import lockstep

from notifier import smtp as smtplib
from notifier.testing import CatchingServer

HI, OK, GO, BYE = b"220 hi\r\n", b"250 ok\r\n", b"354 go\r\n", b"221 bye\r\n"
EHLO = b"250-relay\r\n250-8BITMIME\r\n250 SIZE\r\n"


def client(port: int, **options: object) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", port, local_hostname="client.example", timeout=5, **options)


@contextlib.contextmanager
def server(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accepts one connection and lets ``behave`` treat it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                behave(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


def said_by(
    replies: list[bytes], call: Callable[[smtplib.SMTP], object], kind: type[smtplib.SMTP] = smtplib.SMTP
) -> bytes:
    with lockstep(replies) as heard:
        one = kind(heard.host, heard.port, local_hostname="client.example", timeout=5)
        try:
            call(one)
        finally:
            one.close()
    return heard.octets


# TLS ----------------------------------------------------------------------------------------------------------------


def test_certificates_are_verified_unless_a_context_says_otherwise() -> None:
    with CatchingServer() as caught, client(caught.port) as one, pytest.raises(ssl.SSLCertVerificationError):
        one.starttls()
    with CatchingServer(implicit_tls=True) as caught, pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL("127.0.0.1", caught.port, timeout=5)


def test_an_explicit_context_decides() -> None:
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    with CatchingServer() as caught, client(caught.port) as one:
        assert one.starttls(context=blind)[0] == 220
        assert one.ehlo_resp is None
        one.sendmail("a@b.example", "c@d.example", "x")
        assert next(iter(caught.mailbox)).tls
    with (
        CatchingServer(implicit_tls=True) as caught,
        smtplib.SMTP_SSL("127.0.0.1", caught.port, context=blind, timeout=5) as one,
    ):
        assert one.noop()[0] == 250


@pytest.mark.parametrize("behind", [b"250 injected\r\n", b"250-inj"], ids=["a line", "a fragment"])
def test_octets_behind_the_starttls_reply_are_an_attack(behind: bytes) -> None:
    with lockstep([HI, b"250-r\r\n250 STARTTLS\r\n", b"220 go\r\n" + behind]) as heard:
        one = client(heard.port)
        with pytest.raises(smtplib.SMTPServerDisconnected, match="behind the reply to STARTTLS"):
            one.starttls()
        assert one.sock is None


# replies ------------------------------------------------------------------------------------------------------------


def test_a_server_that_drips_meets_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"220 ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    with server(drip) as port, pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        smtplib.SMTP("127.0.0.1", port, timeout=0.5)


@pytest.mark.parametrize("flood", [b"220-x\r\n" * 1000, b"220 " + b"x" * 100_000], ids=["lines", "a line"])
def test_a_reply_has_bounds(flood: bytes) -> None:
    def pour(connection: socket.socket) -> None:
        while True:
            connection.sendall(flood)

    with server(pour) as port, pytest.raises(smtplib.SMTPServerDisconnected, match="octets"):
        smtplib.SMTP("127.0.0.1", port, timeout=5)


@pytest.mark.parametrize(
    "reply", [b"2_5 x\r\n", b"+25 x\r\n", b" 25 x\r\n", b"250-a\r\n251 b\r\n", b"hello\r\n", b"250 x\n"]
)
def test_what_is_no_reply_is_not_taken_for_one(reply: bytes) -> None:
    with lockstep([HI, reply]) as heard:
        one = client(heard.port)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            one.noop()
        assert one.sock is None


@pytest.mark.parametrize("cut", [b"2", b"250", b"250 ok", b"250-ok\r\n"])
def test_a_final_reply_that_is_cut_off_is_no_success(cut: bytes) -> None:
    with lockstep([HI, EHLO, OK, OK, GO, cut]) as heard:
        one = client(heard.port)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            one.sendmail("a@b.example", "c@d.example", "x")


def test_a_reply_that_no_command_asked_for_is_never_taken_for_the_next_commands() -> None:
    with lockstep([HI, OK + b"250 once more\r\n", OK]) as heard:
        one = client(heard.port)
        assert one.noop() == (250, b"ok")
        with pytest.raises(smtplib.SMTPServerDisconnected, match="out of step"):
            one.noop()


def test_a_421_that_came_while_idle_is_told() -> None:
    with server(lambda connection: connection.sendall(HI + b"421 idle too long\r\n")) as port:
        one = client(port)
        with pytest.raises(smtplib.SMTPServerDisconnected, match="421 idle too long"):
            one.noop()


# state --------------------------------------------------------------------------------------------------------------


def test_lmtp_has_a_reply_for_each_recipient_and_stays_in_step() -> None:
    replies = [HI, b"250 r\r\n", OK, OK, b"550 no\r\n", OK, GO, b"250 kept\r\n452 4.2.2 full\r\n", OK]
    with lockstep(replies) as heard:
        one = smtplib.LMTP(heard.host, heard.port, timeout=5)
        refused = one.sendmail("a@b.example", ["good@x.example", "bad@x.example", "full@x.example"], "x")
        assert refused == {"bad@x.example": (550, b"no"), "full@x.example": (452, b"4.2.2 full")}
        assert one.final_replies == [(250, b"kept"), (452, b"4.2.2 full")]
        assert one.noop() == (250, b"ok")
        one.close()


def test_lmtp_where_all_are_refused_at_the_end() -> None:
    with lockstep([HI, b"250 r\r\n", OK, OK, OK, GO, b"452 full\r\n554 no\r\n", OK]) as heard:
        one = smtplib.LMTP(heard.host, heard.port, timeout=5)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            one.sendmail("a@b.example", ["c@d.example", "e@f.example"], "x")
        assert caught.value.recipients == {"c@d.example": (452, b"full"), "e@f.example": (554, b"no")}
        one.close()


def test_lmtp_over_a_unix_socket(tmp_path: Path) -> None:
    with CatchingServer(lmtp=True, socket_path=tmp_path / "lmtp") as caught:
        with smtplib.LMTP(str(tmp_path / "lmtp"), timeout=5) as one:
            assert one.sendmail("a@b.example", ["c@d.example", "e@f.example"], "x") == {}
        assert len(caught.mailbox) == 2


def test_a_421_at_data_closes_and_another_refusal_resets() -> None:
    with lockstep([HI, EHLO, OK, OK, b"421 bye\r\n"]) as heard:
        one = client(heard.port)
        with pytest.raises(smtplib.SMTPDataError):
            one.sendmail("a@b.example", "c@d.example", "x")
        assert one.sock is None
    with lockstep([HI, EHLO, OK, OK, b"451 later\r\n", OK, OK]) as heard:
        one = client(heard.port)
        with pytest.raises(smtplib.SMTPDataError):
            one.sendmail("a@b.example", "c@d.example", "x")
        assert one.noop() == (250, b"ok")
        one.close()
    assert heard.lines[-2:] == [b"rset\r\n", b"noop\r\n"]


def test_what_the_server_said_is_forgotten_at_close() -> None:
    with lockstep([HI, EHLO]) as heard:
        one = client(heard.port)
        one.ehlo()
        one.close()
    assert (one.ehlo_resp, one.esmtp_features, one.does_esmtp) == (None, {}, False)


def test_duplicates_that_are_all_refused_do_not_go_on_to_data() -> None:
    said = []
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        said.append(
            said_by([HI, EHLO, OK, *[b"550 no\r\n"] * 2, OK], lambda s: s.sendmail("a@b.e", ["c@d.e"] * 2, "x"))
        )


def test_the_final_reply_is_kept() -> None:
    with lockstep([HI, EHLO, OK, OK, GO, b"250 2.0.0 queued as 42\r\n"]) as heard:
        one = client(heard.port)
        one.sendmail("a@b.example", "c@d.example", "x")
        assert one.final_replies == [(250, b"2.0.0 queued as 42")]
        one.close()


# what is said -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "<a@b.example> SIZE=1", "a@b.example> SIZE=1", "a@b.example, c@d.example", "a b@c.example", "a@b.example\r\nDATA",
        "a@b.example\n", "alice@example.org)bob@evil.example", "<a@b.example", "a\0@b.example", "<a@b.example>x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["sender", "recipient"])
def test_an_address_that_smuggles_is_refused_before_anything_is_sent(address: str, place: str) -> None:
    with lockstep([HI, OK]) as heard:
        one = client(heard.port)
        sender, recipient = (address, "c@d.example") if place == "sender" else ("c@d.example", address)
        with pytest.raises(ValueError, match="^from_addr is" if place == "sender" else "^to_addrs is"):
            one.sendmail(sender, recipient, "x")
        with pytest.raises(ValueError, match="^sender is" if place == "sender" else "^recip is"):
            one.mail(address) if place == "sender" else one.rcpt(address)
        assert one.noop() == (250, b"ok")
        one.close()
    assert heard.lines == [b"noop\r\n"]


@pytest.mark.parametrize("option", ["SIZE=5\r\nRCPT TO:<e@x>", "RET=\0", "=x", "BODY=8BIT MIME=\x7f"])
def test_an_option_that_smuggles_is_refused(option: str) -> None:
    with lockstep([HI, EHLO]) as heard:
        one = client(heard.port)
        one.ehlo()
        with pytest.raises(ValueError, match=r"^options (contain prohibited|holds what is no ESMTP parameter)"):
            one.mail("a@b.example", [option])
        one.close()


@pytest.mark.parametrize("command", ["NOOP\0", "NOOP\x1b[0m", "NOOP\r\nRSET", "NOOP\ta"])
def test_control_characters_in_a_command_are_refused(command: str) -> None:
    with lockstep([HI]) as heard:
        one = client(heard.port)
        with pytest.raises(ValueError, match=r"prohibited (control|newline) characters"):
            one.putcmd(command)
        one.close()
    assert heard.octets == b""


def test_a_message_that_is_no_ascii_text_is_refused_before_anything_is_sent() -> None:
    with lockstep([HI]) as heard:
        one = client(heard.port)
        with pytest.raises(UnicodeEncodeError):
            one.sendmail("a@b.example", "c@d.example", "Grüße")
        one.close()
    assert heard.octets == b""


def test_a_message_without_a_sender_is_refused() -> None:
    message = EmailMessage()
    message["To"] = "c@d.example"
    with lockstep([HI, EHLO]) as heard:
        one = client(heard.port)
        with pytest.raises(ValueError, match="neither Sender nor From"):
            one.send_message(message)
        one.close()
    assert b"mail" not in heard.octets.lower().replace(b"8bitmime", b"")


def test_every_to_field_counts() -> None:
    message = MIMEText("x\n")
    message["From"] = "a@b.example"
    for address in ("one@d.example", "two@d.example"):
        message["To"] = address
    said = said_by([HI, EHLO, OK, OK, OK, GO, OK], lambda s: s.send_message(message))
    assert said.lower().count(b"rcpt to:") == 2


def test_octets_over_127_are_announced() -> None:
    said = said_by([HI, EHLO, OK, OK, GO, OK], lambda s: s.sendmail("a@b.e", "c@d.e", "Grüße".encode()))
    assert b"BODY=8BITMIME" in said
    said = said_by([HI, EHLO, OK, OK, GO, OK], lambda s: s.sendmail("a@b.e", "c@d.e", b"\xff", ["BODY=8BITMIME"]))
    assert said.count(b"8BITMIME") == 1


def test_from_at_a_lines_start_stays_as_it_is() -> None:
    message = MIMEText("From here\n")
    message["From"], message["To"] = "a@b.example", "c@d.example"
    assert b"\r\nFrom here" in said_by([HI, EHLO, OK, OK, GO, OK], lambda s: s.send_message(message))


@pytest.mark.parametrize("data", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\r", b"\r\n.\n", b"a\n.\nMAIL FROM:<x@y>\n"])
def test_a_bare_line_end_cannot_smuggle_a_message(data: bytes) -> None:
    said = said_by([HI, EHLO, OK, OK, GO, OK], lambda s: s.sendmail("a@b.example", "c@d.example", data))
    body = said.partition(b"data\r\n")[2]
    assert body.count(b"\n") == body.count(b"\r") == body.count(b"\r\n")
    assert body.count(b"\r\n.\r\n") == 1


# AUTH ---------------------------------------------------------------------------------------------------------------


def test_mechanism_names_in_small_letters_are_known() -> None:
    assert b"AUTH PLAIN" in said_by([HI, b"250-r\r\n250 AUTH plain\r\n", b"235 in\r\n"], lambda s: s.login("zoe", "pw"))


def test_after_535_no_other_mechanism_is_tried() -> None:
    replies = [HI, b"250-r\r\n250 AUTH PLAIN LOGIN\r\n", b"535 wrong\r\n", b"334 eA==\r\n"]
    with lockstep(replies) as heard:
        one = client(heard.port)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            one.login("zoe", "wrong")
        one.close()
    assert b"LOGIN" not in heard.octets


def test_another_mechanism_is_tried_where_the_first_is_not_supported_after_all() -> None:
    replies = [HI, b"250-r\r\n250 AUTH PLAIN LOGIN\r\n", b"504 no\r\n", b"334 eA==\r\n", b"235 in\r\n"]
    assert b"AUTH LOGIN" in said_by(replies, lambda s: s.login("zoe", "pw"))


def test_a_password_of_any_language_can_log_in() -> None:
    with CatchingServer(starttls=False, credentials={"zoë": "пароль"}) as caught, client(caught.port) as one:
        assert one.login("zoë", "пароль")[0] == 235


def test_a_scram_server_that_does_not_prove_itself_is_left() -> None:
    with lockstep([HI, b"250-r\r\n250 AUTH SCRAM-SHA-256\r\n", b"235 welcome\r\n"]) as heard:
        one = client(heard.port)
        with pytest.raises(smtplib.SMTPException, match="without proving"):
            one.login("zoe", "hunter2")
        assert one.sock is None


@pytest.mark.parametrize("level", [1, 2])
def test_the_debug_output_holds_no_secret(level: int, capfd: pytest.CaptureFixture[str]) -> None:
    replies = [HI, b"250-r\r\n250 AUTH PLAIN LOGIN\r\n", b"504 no\r\n", b"334 eA==\r\n", b"235 in\r\n", OK]
    with lockstep(replies) as heard:
        one = client(heard.port)
        one.set_debuglevel(level)
        one.login("zoe", "hunter2")
        one.noop()
        one.close()
    shown = capfd.readouterr().err
    for secret in ("hunter2", "aHVudGVyMg==", "AHpvZQBodW50ZXIy"):
        assert secret not in shown
    assert "AUTH PLAIN ***" in shown
    assert "noop" in shown
