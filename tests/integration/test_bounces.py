"""Bounces come in: by the command's pipe, from mailboxes, by LMTP, and from a real Postfix whose recipient is not there."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import receivers
from click.testing import CliRunner, Result
from delivery_reports import recipient, report
from real_servers.dovecot import Dovecot
from real_servers.postfix import Postfix
from returned_mails import ARF, TOKEN
from store_conformance import an_email, at_dot
from workers import TOP, Plant, plant, wait_until

from notifier import send_email
from notifier.cli.bounce import command
from notifier.model import bounce_token
from notifier.model.envelope import Envelope, MailObject
from notifier.model.hook import HookKind, Told
from notifier.model.outcome import RecipientState
from notifier.model.parameters import MailParameters
from notifier.model.secret import Secret
from notifier.model.state import MailState
from notifier.smtp import Session
from notifier.smtp.dropin import LMTP, SMTP
from notifier.smtp.dropin.exceptions import SMTPRecipientsRefused
from notifier.store.base import Settlement
from notifier.tasks.runtime import configure, runtime
from notifier.testing.supervised import SupervisedProcess

KEY = Secret("k" * 32)
GIVEN = {"NOTIFIER_BOUNCE_TO": "bounce@returns.invalid", "NOTIFIER_BOUNCE_KEYS": f"2026:{KEY.reveal()}"}
QUEUE = "aside"  # of no worker
SIGNED = "2026-01:a secret of some length"
NOTIFIER = [sys.executable, "-c", "from notifier.cli import main; main()"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("bounces"), **GIVEN) as one:
        yield one


def mail_sent_to(address: str) -> str:
    """The id of a mail that a relay has taken."""
    store = runtime().store
    claim = at_dot(store, an_email(address, queue=QUEUE), QUEUE)
    accepted = dict.fromkeys(claim.recipients, RecipientState.ACCEPTED)
    store.settle([Settlement(claim, MailState.SENT, recipients=accepted)])
    return claim.mail_id


def sent(to: str | None = None) -> tuple[str, str]:
    """The address of such a mail, and the reverse-path that it had."""
    address = to or f"{uuid.uuid4().hex[:12]}@example.com"
    return address, f"bounce+{bounce_token.for_path(mail_sent_to(address), KEY)}@returns.invalid"


def bounce(address: str, to: str = "bounce@returns.invalid") -> bytes:
    octets = report(recipient("failed", address, address), returned="Content-Type: text/plain\n\n")
    octets = octets.replace(b"20261125193445", uuid.uuid4().hex.encode())
    return octets.replace(b"To: shop@shop.example", f"To: {to}".encode())


@pytest.fixture
def sending(made: Plant) -> Iterator[Plant]:
    """Whose settings a test may change."""
    before = dict(made.environ)
    yield made
    made.environ.clear()
    made.use(**before)


def is_suppressed(address: str) -> bool:
    return bool(runtime().store.suppressed([address]))


def reports(address: str) -> int:
    """How many of them the mail tells of that the address was suppressed for."""
    mail_id = runtime().store.suppression.of([address])[address].mail_id
    found = runtime().store.status(mail_id or "")
    assert found is not None
    return sum("report" in entry for entry in found.history)


def run(*arguments: str, octets: bytes = b"") -> Result:
    """`notifier bounce …` in this process, whose start is what takes the time."""
    return CliRunner().invoke(command, arguments, input=octets)


@contextmanager
def receiver(made: Plant, socket: Path) -> Iterator[SupervisedProcess]:
    said = made.folder / f"receiver-{uuid.uuid4().hex}.log"
    with said.open("wb") as output:
        serving = [*NOTIFIER, "bounce", "serve", "--lmtp", f"unix:{socket}", "--mode", "666", "--json"]
        process = SupervisedProcess(serving, env=made.environ, cwd=TOP, output=output)
    try:
        wait_until(
            lambda: json.dumps({"listening": f"unix:{socket}"}) in said.read_text() or not process.running,
            "the receiver listens",
        )
        assert process.running, said.read_text()
        yield process
    finally:
        process.kill()


# the pipe -----------------------------------------------------------------------------------------------------------


def test_a_pipe_takes_a_bounce_and_the_application_hears_of_it(made: Plant) -> None:
    address, path = sent()
    (made.folder / "shop.py").write_text(
        "from notifier import mail_bounced\n\n\n@mail_bounced.connect\ndef hear(event, **_): pass\n"
    )
    done = subprocess.run(
        [*NOTIFIER, "bounce", "read", "--json", "--app", "shop"],
        input=bounce(address) + b"x" * 3_000_000,  # all of it is read: to a mail server a broken pipe is a failure
        env={**made.environ, "ORIGINAL_RECIPIENT": path, "PYTHONPATH": str(TOP)},
        cwd=made.folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["effect"] == "suppressed"
    assert is_suppressed(address)
    _, events = runtime().store.hooks.take(QUEUE, HookKind.SIGNAL, "us", 60.0, 10)
    assert [event.name for event in events] == [Told.BOUNCED]


def test_an_application_that_cannot_be_imported_is_a_wrong_setting(made: Plant) -> None:
    assert run("read", "--app", "nowhere.at_all", octets=b"").exit_code == 75


@pytest.mark.parametrize(
    "environ", [{"NOTIFIER_STORE_URL": "redis://localhost:1"}, {"NOTIFIER_BOUNCE_KEYS": "short:canary"}]
)
def test_what_cannot_be_noted_now_is_kept_by_the_mail_server(
    sending: Plant, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    address, path = sent()
    for name, value in {**sending.environ, **environ}.items():
        monkeypatch.setenv(name, value)
    configure(None)
    done = run("read", octets=bounce(address, path))
    assert (done.exit_code, done.stdout) == (75, "")  # EX_TEMPFAIL
    assert done.stderr
    assert "canary" not in done.stderr


def test_a_pipe_takes_what_is_no_bounce_and_what_is_forged_and_nothing_follows(sending: Plant) -> None:
    """Not refused: a mail server would answer that with another bounce."""
    address, path = sent()
    forged = f"bounce+{'a' * 42}@returns.invalid"
    assert run("read", "--to", forged, octets=bounce(address)).exit_code == 0
    assert run("read", "--to", path, octets=b"Subject: Hello\r\n\r\nHello\r\n").exit_code == 0
    assert not is_suppressed(address)


# mailboxes ----------------------------------------------------------------------------------------------------------


def test_a_maildir_is_emptied_of_what_nobody_has_seen(sending: Plant, tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    address, path = sent()
    (tmp_path / "new" / "1.host").write_bytes(bounce(address, path))
    sending.use(NOTIFIER_BOUNCE_MAILBOX=str(tmp_path))
    assert run("poll").exit_code == 0
    assert is_suppressed(address)
    assert [one.name for one in (tmp_path / "cur").iterdir()] == ["1.host:2,S"]


def test_an_imap_folder_is_read_and_its_messages_marked_as_seen(sending: Plant, dovecot: Dovecot) -> None:
    address, path = sent()
    with LMTP(str(dovecot.folder / "run" / "lmtp")) as server:
        server.sendmail("", ["bob@x.example"], bounce(address, path))
    sending.use(NOTIFIER_BOUNCE_MAILBOX=dovecot.imap_url("bob@x.example"))
    first = run("poll", "--json")
    assert (first.exit_code, first.stderr) == (0, "")
    assert "suppressed" in {json.loads(line)["effect"] for line in first.stdout.splitlines()}
    assert is_suppressed(address)
    assert run("poll", "--json").stdout == ""


# LMTP ---------------------------------------------------------------------------------------------------------------


def test_a_receiver_that_is_killed_has_said_250_to_nothing_that_is_lost(made: Plant, tmp_path: Path) -> None:
    """The client brings again what it has no 250 for, as every mail server does; each counts once."""
    address, path = sent()
    cut, cut_path = sent()
    octets = bounce(cut)
    with receiver(made, tmp_path / "s") as process, LMTP(str(tmp_path / "s")) as server:
        server.sendmail("", [path], bounce(address))
        assert is_suppressed(address)  # with the 250, and not some time after it
        server.mail("")
        server.rcpt(cut_path)
        server.putcmd("data")
        assert server.getreply()[0] == 354
        server.send(octets + b"\r\n.\r\n")
        process.kill()  # before, amid or after its steps
    with receiver(made, tmp_path / "s") as process, LMTP(str(tmp_path / "s")) as server:
        server.sendmail("", [cut_path], octets)
        server.sendmail("", [cut_path], octets)
        with pytest.raises(SMTPRecipientsRefused, match="550"):
            server.sendmail("", [f"bounce+{'a' * 42}@returns.invalid"], bounce(address))
        process.process.terminate()
        assert process.process.wait(30) == 0
    assert reports(cut) == 1
    assert not (tmp_path / "s").exists()


# a real server ------------------------------------------------------------------------------------------------------


def test_postfix_bounces_a_mail_to_nobody_and_he_is_not_mailed_again(postfix: Postfix, tmp_path: Path) -> None:
    url = f"smtp://{postfix.door().host}:{postfix.door().port}?tls=none"
    gone = "left@x.example"
    given = {**GIVEN, "NOTIFIER_SMTP_URL": url, "NOTIFIER_FROM": "shop@shop.example", "NOTIFIER_WEBHOOK_SECRET": SIGNED}
    with (
        receivers.receiver() as webhook,
        plant(tmp_path, NOTIFIER_WEBHOOK_URL=webhook.url, **given) as made,
        receiver(made, postfix.returns),
    ):
        made.start_worker()
        first: str = send_email.delay(template="welcome", to=gone, context={"name": "Zoë"}).id
        made.settle([first], "sent")
        wait_until(lambda: is_suppressed(gone), "Postfix has brought its bounce")
        wait_until(lambda: len(made.status(first).history) == 2, "the mail tells of it")
        # Postfix may be quicker than the worker's own settlement of what it has just handed over.
        (told,) = [row["report"] for row in made.status(first).history if "report" in row]
        assert (told["kind"], told["recipient"], told["status"]) == ("bounced", gone, "5.1.1")
        wait_until(lambda: "mail_bounced" in webhook.names(first), "the webhook hears of it")
        # As whoever complains would send it, from elsewhere.
        complained, path = sent("zoe@x.example")
        door = postfix.door("asks for recipients")
        with SMTP(door.host, door.port) as server:
            with pytest.raises(
                SMTPRecipientsRefused, match="550"
            ):  # and nobody whose name was forged gets a bounce of it
                server.sendmail("fbl@provider.example", [f"bounce+{'a' * 42}@returns.invalid"], b"Subject: x\r\n\r\n")
            octets = ARF.format(to=path, token=TOKEN, kind="abuse", recipient="").encode()
            server.sendmail("fbl@provider.example", [path], octets)
        wait_until(lambda: is_suppressed(complained), "Postfix has brought the complaint")
        second: str = send_email.delay(template="welcome", to=gone, context={"name": "Zoë"}).id
        made.settle([second], "failed")
        assert made.status(second).recipients[gone] is RecipientState.SUPPRESSED
        # Where the reverse-path is an account's own, and the mail is known by its ENVID.
        runtime().store.suppression.remove(gone)
        envelope_id = bounce_token.for_envelope_id(mail_sent_to(gone), KEY)
        envelope = Envelope("shop@returns.invalid", (gone,), MailParameters(envid=envelope_id))
        with Session.open(postfix.door()) as session:
            list(session.send_many([MailObject(envelope, b"Subject: Hello\r\n\r\nHello\r\n")]))
        wait_until(lambda: is_suppressed(gone), "the bounce is known by its ENVID")
