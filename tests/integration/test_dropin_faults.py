"""Where the standard module is wrong and ours is right: one row of `docs/reference/dropin.md` each."""

from __future__ import annotations

import contextlib
import pickle
import select
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.mime.text import MIMEText
from pathlib import Path
from typing import NoReturn

import pytest
from lockstep import lockstep

from notifier import smtp as smtplib
from notifier.testing import CatchingServer
from notifier.testing.certificate import ThrowAwayCertificate

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
    "reply", [b"2_5 x\r\n", b"+25 x\r\n", b"199 x\r\n", b" 25 x\r\n", b"250-a\r\n251 b\r\n", b"hello\r\n", b"250 x\n"]
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


@pytest.fixture
def trusted() -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext]]:
    """The server's context, and that of a client who trusts it."""
    certificate = ThrowAwayCertificate("127.0.0.1")
    yield certificate.context, ssl.create_default_context(cafile=str(certificate.ca_file))
    certificate.close()


def test_nor_is_it_over_tls(trusted: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    ours, theirs = trusted

    def say_more_than_asked(connection: socket.socket) -> None:
        with ours.wrap_socket(connection, server_side=True) as wrapped, wrapped.makefile("rb") as lines:
            wrapped.sendall(HI)
            lines.readline()
            wrapped.sendall(OK)
            wrapped.sendall(b"250 in a record of its own\r\n")
            lines.read()

    with server(say_more_than_asked) as port:
        one = smtplib.SMTP_SSL("127.0.0.1", port, timeout=5, context=theirs)
        assert one.noop() == (250, b"ok")
        assert select.select([one.sock], [], [], 10)[0]
        with pytest.raises(smtplib.SMTPServerDisconnected, match=r"out of step: .* 250 in a record of its own"):
            one.vrfy("a@b.example")


class TimeLimit(Exception):
    """As task queues raise it, wherever the task is."""


def test_what_a_time_limit_leaves_unread_is_never_the_next_commands_reply() -> None:
    class Interrupted(smtplib.SMTP):
        def putcmd(self, cmd: str, args: str = "") -> None:
            super().putcmd(cmd, args)
            if cmd == "noop":
                raise TimeLimit

    with lockstep([HI, OK, b"550 no\r\n"]) as heard:
        one = Interrupted(heard.host, heard.port, timeout=5)
        with pytest.raises(TimeLimit):
            one.noop()
        with pytest.raises(smtplib.SMTPServerDisconnected, match="out of step: a reply to an earlier command"):
            one.vrfy("a@b.example")


@pytest.fixture
def interrupt() -> Iterator[Callable[[], None]]:
    """Raises `TimeLimit` in the main thread, by a signal."""

    def give_up(number: int, frame: object) -> NoReturn:
        raise TimeLimit

    before = signal.signal(signal.SIGUSR1, give_up)
    yield lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def test_nor_where_a_signals_handler_breaks_off_the_read(interrupt: Callable[[], None]) -> None:
    def answer_late(connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            connection.sendall(HI)
            lines.readline()
            interrupt()
            connection.sendall(b"250 late\r\n")
            lines.readline()
            connection.sendall(b"550 no\r\n")

    with server(answer_late) as port:
        one = client(port)
        with pytest.raises(TimeLimit):
            one.noop()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            one.vrfy("a@b.example")


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


class Rewriting(smtplib.LMTP):
    def rcpt(self, recip: str, options: object = ()) -> tuple[int, bytes]:
        return self.docmd("RCPT", f"TO:<{recip.replace('old', 'new')}>")


def test_lmtp_counts_the_recipients_whoever_sent_them() -> None:
    replies = [HI, b"250 r\r\n", OK, OK, b"550 no\r\n", OK, GO, b"452 full\r\n250 kept\r\n", OK]
    with lockstep(replies) as heard:
        one = Rewriting(heard.host, heard.port, timeout=5)
        refused = one.sendmail("a@b.example", ["full@old.example", "bad@old.example", "good@old.example"], "x")
        assert refused == {"full@old.example": (452, b"full"), "bad@old.example": (550, b"no")}
        assert one.noop() == (250, b"ok")
        one.close()


def test_lmtp_counts_the_recipients_of_a_dialogue_by_hand() -> None:
    with lockstep([HI, OK, OK, OK, GO, b"250 kept\r\n452 full\r\n", OK, OK, GO, OK, OK]) as heard:
        one = smtplib.LMTP(heard.host, heard.port, timeout=5)
        one.docmd("MAIL FROM:<a@b.example>")
        for recipient in ("c@d.example", "e@f.example"):
            one.docmd("RCPT", f"TO:<{recipient}>")
        assert one.data("x") == (452, b"full")
        assert one.final_replies == [(250, b"kept"), (452, b"full")]
        one.mail("a@b.example")
        one.rcpt("c@d.example")
        assert one.data("x") == (250, b"ok")
        assert one.noop() == (250, b"ok")
        one.close()


def test_lmtp_tells_which_final_replies_had_come_when_the_connection_ends() -> None:
    replies = [HI, b"250 r\r\n", OK, OK, b"550 no\r\n", OK, OK, GO, b"250 kept\r\n452 full\r\n"]
    with lockstep(replies) as heard:
        one = smtplib.LMTP(heard.host, heard.port, timeout=5)
        with pytest.raises(smtplib.SMTPServerDisconnected) as caught:
            one.sendmail("a@b.example", ["c@d.example", "bad@d.example", "full@d.example", "lost@d.example"], "x")
    known = {"c@d.example": (250, b"kept"), "bad@d.example": (550, b"no"), "full@d.example": (452, b"full")}
    assert caught.value.recipients == known
    assert pickle.loads(pickle.dumps(caught.value)).recipients == known  # noqa: S301 - our own
    assert one.final_replies == [(250, b"kept"), (452, b"full")]


@pytest.mark.parametrize("final", [b"250 one\r\n552 too many\r\n", b"552 too many\r\n250 one\r\n"])
def test_lmtp_refuses_nobody_of_whom_one_copy_was_accepted(final: bytes) -> None:
    with lockstep([HI, b"250 r\r\n", OK, OK, OK, GO, final]) as heard:
        one = smtplib.LMTP(heard.host, heard.port, timeout=5)
        assert one.sendmail("a@b.example", ["c@d.example", "c@d.example"], "x") == {}
        one.close()


def test_lmtp_has_no_helo_to_fall_back_to() -> None:
    with lockstep([HI, b"502 no\r\n", OK]) as heard:
        one = smtplib.LMTP(heard.host, heard.port, timeout=5)
        with pytest.raises(smtplib.SMTPHeloError):
            one.sendmail("a@b.example", "c@d.example", "x")
        one.close()
    assert b"helo" not in heard.octets


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


STEPS: dict[str, tuple[list[bytes], Callable[[smtplib.SMTP], object], type[smtplib.SMTPException]]] = {
    "ehlo": ([], lambda s: s.ehlo_or_helo_if_needed(), smtplib.SMTPHeloError),
    "ehlo of a mail": ([], lambda s: s.sendmail("a@b.e", "c@d.e", "x"), smtplib.SMTPHeloError),
    "helo": ([b"502 no\r\n"], lambda s: s.ehlo_or_helo_if_needed(), smtplib.SMTPHeloError),
    "starttls": ([b"250-r\r\n250 STARTTLS\r\n"], lambda s: s.starttls(), smtplib.SMTPResponseException),
    "auth": ([b"250-r\r\n250 AUTH PLAIN LOGIN\r\n"], lambda s: s.login("zoe", "pw"), smtplib.SMTPAuthenticationError),
    "mail": ([EHLO], lambda s: s.sendmail("a@b.e", "c@d.e", "x"), smtplib.SMTPSenderRefused),
    "rcpt": ([EHLO, OK], lambda s: s.sendmail("a@b.e", "c@d.e", "x"), smtplib.SMTPRecipientsRefused),
    "data": ([EHLO, OK, OK], lambda s: s.sendmail("a@b.e", "c@d.e", "x"), smtplib.SMTPDataError),
    "final reply": ([EHLO, OK, OK, GO], lambda s: s.sendmail("a@b.e", "c@d.e", "x"), smtplib.SMTPDataError),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_421_at_any_step_ends_the_connection_and_is_what_is_raised(step: str) -> None:
    before, call, error = STEPS[step]
    with lockstep([HI, *before, b"421 4.3.2 going down\r\n", OK]) as heard:
        one = client(heard.port)
        with pytest.raises(error, match=r"421.*going down"):
            call(one)
        assert one.sock is None
    assert heard.lines[-1] == b""


def test_a_421_to_a_single_command_is_its_reply_and_ends_the_connection() -> None:
    with lockstep([HI, b"421 going down\r\n", OK]) as heard:
        one = client(heard.port)
        assert one.noop() == (421, b"going down")
        assert one.sock is None
    assert heard.lines[-1] == b""


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


@pytest.mark.parametrize(
    "then",
    [[b"550 no\r\n", OK], [OK, b"550 no\r\n", OK], [OK, OK, b"554 no\r\n", OK], [OK, OK, GO], []],
    ids=["sender refused", "recipient refused", "data refused", "connection lost", "nothing said"],
)
def test_the_final_replies_are_never_those_of_the_mail_before(then: list[bytes]) -> None:
    with lockstep([HI, EHLO, OK, OK, GO, b"250 queued as 42\r\n", *then]) as heard:
        one = client(heard.port)
        one.sendmail("a@b.example", "c@d.example", "x")
        with pytest.raises((smtplib.SMTPException, ValueError)):
            one.sendmail("a@b.example", "c@d.example", "x" if then else "Grüße")
        assert one.final_replies == []
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


GOOD = {"from_addr": "a@b.example", "to_addrs": ["c@d.example"], "msg": "x", "mail_options": (), "rcpt_options": ()}
WRONG: dict[str, dict[str, object]] = {
    "from_addr": {"from_addr": "ä@b.example"},
    "from_addr, no text": {"from_addr": None},
    "to_addrs": {"to_addrs": ["c@d.example", "ü@d.example"]},
    "to_addrs, half of a pair": {"to_addrs": ["\ud800@d.example"], "mail_options": ["SMTPUTF8"]},
    "to_addrs, no text": {"to_addrs": ["c@d.example", b"e@f.example"]},
    "msg": {"msg": "Grüße"},
    "msg, no text": {"msg": 5},
    "mail_options": {"mail_options": ["SIZE=5\r\nRCPT TO:<e@x>"]},
    "mail_options, no parameter": {"mail_options": ["=5"]},
    "mail_options, no text": {"mail_options": [5]},
    "rcpt_options": {"rcpt_options": ["NOTIFY=NEVER\r\nRSET"]},
    "rcpt_options, ASCII": {"rcpt_options": ["ORCPT=utf-8;ü@d.example"]},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_named_before_anything_is_sent(name: str) -> None:
    with lockstep([HI, OK]) as heard:
        one = client(heard.port)
        with pytest.raises((ValueError, TypeError), match=name.partition(",")[0]):
            one.sendmail(**{**GOOD, **WRONG[name]})
        assert one.noop() == (250, b"ok")
        one.close()
    assert heard.octets == b"noop\r\n"


@pytest.mark.parametrize("name", WRONG)
def test_and_the_session_stays_usable(name: str) -> None:
    with CatchingServer(starttls=False) as caught, client(caught.port) as one:
        one.ehlo()
        with pytest.raises((ValueError, TypeError)):
            one.sendmail(**{**GOOD, **WRONG[name]})
        assert one.sendmail(**GOOD) == {}
        assert [mail.recipients for mail in caught.mailbox] == [("c@d.example",)]


def test_a_server_without_esmtp_is_not_sent_half_of_an_international_mail() -> None:
    with lockstep([HI, b"502 no\r\n", OK, OK]) as heard:
        one = client(heard.port)
        with pytest.raises(UnicodeEncodeError, match="to_addrs"):
            one.sendmail("a@b.example", ["c@d.example", "ü@d.example"], "x", ["SMTPUTF8"])
        assert one.noop() == (250, b"ok")
        one.close()
    assert heard.lines[:3] == [b"ehlo client.example\r\n", b"helo client.example\r\n", b"noop\r\n"]


def test_an_international_mail_does_not_make_the_next_one_so() -> None:
    offers = b"250-relay\r\n250 SMTPUTF8\r\n"
    with lockstep([HI, offers, OK, OK, GO, OK, OK]) as heard:
        one = client(heard.port)
        one.sendmail("ö@b.example", "c@d.example", "x", ["SMTPUTF8"])
        with pytest.raises(UnicodeEncodeError):
            one.sendmail("ö@b.example", "c@d.example", "x")
        assert one.noop() == (250, b"ok")
        one.close()
    assert heard.lines[-1] == b"noop\r\n"


@pytest.mark.parametrize("step", ["rcpt", "data"])
def test_what_an_overridden_command_raises_leaves_no_transaction_open(step: str) -> None:
    class Own(smtplib.SMTP):
        broken = True

    def command(one: Own, *args: object) -> tuple[int, bytes]:
        if one.broken:
            raise LookupError
        return getattr(smtplib.SMTP, step)(one, *args)

    setattr(Own, step, command)
    with CatchingServer(starttls=False) as caught, Own("127.0.0.1", caught.port, timeout=5) as one:
        with pytest.raises(LookupError):
            one.sendmail(**GOOD)
        one.broken = False
        assert one.sendmail(**GOOD) == {}
        assert len(caught.mailbox) == 1


def test_what_is_raised_within_a_message_ends_the_connection() -> None:
    class Own(smtplib.SMTP):
        def send(self, s: str | bytes) -> None:
            if b"\r\n.\r\n" in (s if isinstance(s, bytes) else s.encode()):
                raise LookupError
            super().send(s)

    with CatchingServer(starttls=False) as caught:
        one = Own("127.0.0.1", caught.port, timeout=5)
        with pytest.raises(LookupError):
            one.sendmail(**GOOD)
        assert one.sock is None
    assert len(caught.mailbox) == 0


def test_a_string_of_options_is_one_option() -> None:
    said = said_by([HI, EHLO, OK, OK, GO, OK], lambda s: s.sendmail("a@b.e", "c@d.e", "x", "RET=HDRS", "NOTIFY=NEVER"))
    assert b" RET=HDRS\r\n" in said
    assert b" NOTIFY=NEVER\r\n" in said


@pytest.mark.parametrize("option", ["SIZE=5\r\nRCPT TO:<e@x>", "RET=\0", "=x", "BODY=8BIT MIME=\x7f"])
def test_an_option_that_smuggles_is_refused(option: str) -> None:
    with lockstep([HI, EHLO]) as heard:
        one = client(heard.port)
        one.ehlo()
        with pytest.raises(ValueError, match=r"prohibited (newline|control) characters|no ESMTP parameter"):
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


def test_a_group_without_members_is_nobody() -> None:
    message = MIMEText("x\n")
    message["From"], message["To"], message["Bcc"] = "a@b.example", "undisclosed-recipients:;", "c@d.example"
    said = said_by([HI, EHLO, OK, OK, GO, OK], lambda s: s.send_message(message))
    assert said.lower().count(b"rcpt to:<c@d.example>") == said.lower().count(b"rcpt to:") == 1


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


@pytest.mark.parametrize("mechanism", [b"PLAIN", b"LOGIN", b"CRAM-MD5", b"SCRAM-SHA-256"])
@pytest.mark.parametrize(
    ("user", "password", "named"),
    [
        ("zoe\r\n", "hunter2", "user"), ("zoe\0", "hunter2", "user"), ("zoe\x01auth=Bearer x", "hunter2", "user"),
        ("\ud800", "hunter2", "user"), ("zoe", "hunter2\n", "password"), ("zoe", "hunter2\0", "password"),
        ("zoe", "hunter2\ud800", "password"),
    ],
)  # fmt: skip
def test_a_user_or_password_that_no_login_can_hold_is_refused_before_anything_is_sent(
    mechanism: bytes, user: str, password: str, named: str
) -> None:
    with lockstep([HI, b"250-r\r\n250 AUTH " + mechanism + b"\r\n"]) as heard:
        one = client(heard.port)
        with pytest.raises(ValueError, match=f"^{named} holds") as caught:
            one.login(user, password)
        one.close()
    assert heard.octets == b""
    assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize("answer", [lambda challenge: 1 / 0, lambda challenge: None, lambda challenge: "\ud800"])
def test_what_an_authobject_raises_ends_auth_and_leaves_the_session_usable(answer: Callable[[bytes], str]) -> None:
    with lockstep([HI, b"334 eA==\r\n", b"501 cancelled\r\n", OK]) as heard:
        one = client(heard.port)
        with pytest.raises((ZeroDivisionError, AttributeError, ValueError)):
            one.auth("XTRA", lambda challenge=None: None if challenge is None else answer(challenge))
        assert one.noop() == (250, b"ok")
        one.close()
    assert heard.lines == [b"AUTH XTRA\r\n", b"*\r\n", b"noop\r\n"]


def test_a_nul_that_plain_cannot_carry_does_not_leave_auth_open() -> None:
    with lockstep([HI, b"334 \r\n", b"501 cancelled\r\n", OK]) as heard:
        one = client(heard.port)
        one.user, one.password = "zoe", "hunter\0"
        with pytest.raises(ValueError, match="NUL"):
            one.auth("PLAIN", one.auth_plain, initial_response_ok=False)
        assert one.noop() == (250, b"ok")
        one.close()


def test_a_server_that_asks_without_end_is_told_to_stop() -> None:
    with lockstep([HI, *[b"334 eA==\r\n"] * 6, b"501 cancelled\r\n", OK]) as heard:
        one = client(heard.port)
        with pytest.raises(smtplib.SMTPException, match=r"infinite loop.*501"):
            one.auth("XTRA", lambda challenge=None: None if challenge is None else "x")
        assert one.noop() == (250, b"ok")
        one.close()
    assert heard.lines[-2:] == [b"*\r\n", b"noop\r\n"]


@pytest.mark.parametrize("prompt", [b"Login:", b"User", b"x", b"\xff\xfe"])
def test_a_prompt_that_is_no_base64_is_answered(prompt: bytes) -> None:
    replies = [HI, b"250-r\r\n250 AUTH LOGIN\r\n", b"334 " + prompt + b"\r\n", b"334 Password:\r\n", b"235 in\r\n"]
    said = said_by(replies, lambda s: s.login("zoe", "hunter2", initial_response_ok=False))
    assert said.splitlines()[-2:] == [b"em9l", b"aHVudGVyMg=="]


def test_an_empty_initial_response_is_said() -> None:
    assert (
        said_by([HI, b"235 in\r\n"], lambda s: s.auth("EXTERNAL", lambda challenge=None: "")) == b"AUTH EXTERNAL =\r\n"
    )


@pytest.mark.parametrize("password", ["\u06271", "\x07"], ids=["both directions", "bell"])
def test_a_password_that_scram_cannot_carry_goes_by_another_mechanism(password: str) -> None:
    replies = [HI, b"250-r\r\n250 AUTH SCRAM-SHA-256 PLAIN\r\n", b"235 in\r\n"]
    assert b"AUTH PLAIN" in said_by(replies, lambda s: s.login("zoe", password))
    with lockstep([HI, b"250-r\r\n250 AUTH SCRAM-SHA-256\r\n"]) as heard:
        one = client(heard.port)
        with pytest.raises(ValueError, match="RFC 4013"):
            one.login("zoe", password)
        one.close()
    assert b"AUTH" not in heard.octets


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


BY_HAND: dict[str, Callable[[smtplib.SMTP], object]] = {
    "a token": lambda s: s.docmd("AUTH", "XOAUTH2 aHVudGVyMg=="),
    "in one word": lambda s: s.docmd("auth plain aHVudGVyMg=="),
    "octets": lambda s: (s.send(b"AUTH PLAIN aHVudGVyMg==\r\n"), s.getreply()),
    "all at once": lambda s: (s.send("AUTH LOGIN\r\nem9l\r\naHVudGVyMg==\r\n"), s.getreply()),
    "an answer": lambda s: (s.docmd("AUTH", "LOGIN"), s.docmd("aHVudGVyMg==")),
    "without reading": lambda s: (s.putcmd("AUTH", "LOGIN"), s.putcmd("aHVudGVyMg=="), s.getreply(), s.getreply()),
}


@pytest.mark.parametrize("way", BY_HAND)
def test_a_login_by_hand_is_hidden_too(way: str, capfd: pytest.CaptureFixture[str]) -> None:
    challenge = [b"334 VXNlcm5hbWU6\r\n"] if way in ("an answer", "without reading") else []
    with lockstep([HI, *challenge, b"535 wrong\r\n", OK]) as heard:
        one = client(heard.port)
        one.set_debuglevel(1)
        BY_HAND[way](one)
        one.close()
    shown = capfd.readouterr().err
    assert "aHVudGVyMg==" not in shown
    assert "***" in shown


@pytest.mark.parametrize("line", ["AUTH XOAUTH2 aHVudGVyMg==\n", "AUTH\nXOAUTH2 aHVudGVyMg=="])
def test_a_login_that_is_refused_for_its_line_end_is_not_shown(line: str) -> None:
    with lockstep([HI]) as heard:
        one = client(heard.port)
        with pytest.raises(ValueError, match="prohibited newline characters: AUTH") as caught:
            one.docmd(line)
        one.close()
    assert "aHVudGVyMg==" not in repr(caught.value)


def test_a_secret_that_the_server_repeats_is_hidden(capfd: pytest.CaptureFixture[str]) -> None:
    replies = [HI, b"250-r\r\n250 AUTH LOGIN\r\n", b"334 eA==\r\n", b'535 unrecognized: "aHVudGVyMg=="\r\n']
    with lockstep(replies) as heard:
        one = client(heard.port)
        one.set_debuglevel(1)
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            one.login("zoe", "hunter2")
        one.close()
    assert caught.value.smtp_error == b'unrecognized: "***"'
    assert "aHVudGVyMg==" not in capfd.readouterr().err


def test_nor_is_it_shown_when_it_is_repeated_out_of_step() -> None:
    refusal = b'500 unrecognized: "aHVudGVyMg=="\r\n'
    with lockstep([HI, b"334 eA==\r\n", refusal + refusal, OK]) as heard:
        one = client(heard.port)
        one.docmd("AUTH", "LOGIN")
        assert one.docmd("aHVudGVyMg==") == (500, b'unrecognized: "***"')
        with pytest.raises(smtplib.SMTPServerDisconnected, match=r'out of step: .* 500 unrecognized: "\*\*\*"'):
            one.noop()


def test_a_message_about_auth_is_shown_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    with lockstep([HI, EHLO, OK, OK, GO, OK]) as heard:
        one = client(heard.port)
        one.set_debuglevel(1)
        one.sendmail("a@b.example", "c@d.example", "Subject: x\n\nAUTH PLAIN is told here\n")
        one.close()
    assert "AUTH PLAIN is told here" in capfd.readouterr().err


# addresses of hosts --------------------------------------------------------------------------------------------------


def test_an_ipv6_literal_may_have_brackets_and_a_port() -> None:
    with CatchingServer(host="::1", starttls=False) as caught:
        for host, port in ((f"[::1]:{caught.port}", 0), ("[::1]", caught.port), ("::1", caught.port)):
            with smtplib.SMTP(host, port, timeout=5) as one:
                one.sendmail("a@b.example", "c@d.example", "x")
        assert len(caught.mailbox) == 3
