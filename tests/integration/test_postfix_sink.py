"""The session against Postfix's own test server, `smtp-sink`: somebody else's reading of the protocol."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from real_servers.ground import HOST, held_ports, listens
from workers import TOP, wait_until

from notifier.model.envelope import Envelope, MailObject
from notifier.model.outcome import RecipientState
from notifier.smtp import Endpoint, Session, TLSPolicy

UNPACKED = TOP / ".cache" / "servers" / "postfix"
SINK = UNPACKED / "usr" / "sbin" / "smtp-sink"


def mails(count: int) -> list[MailObject]:
    bodies = (f"Subject: {n}\r\n\r\n.{n}\r\n..\r\n.\r\nFrom {n}\r\n" + "x" * 998 + "\r\n" for n in range(count))
    return [MailObject(Envelope("s@x.example", ("a@x.example", "b@x.example")), body.encode()) for body in bodies]


@contextmanager
def sink(folder: Path, *options: str) -> Iterator[Endpoint]:
    """`smtp-sink` on a port of its own, keeping each message as a file."""
    if not SINK.is_file():
        assert not os.environ.get("CI"), "CI unpacks Postfix: tests/install_servers.sh"
        pytest.skip("no smtp-sink here; NOTIFIER_INSTALL_SERVERS=1 make test unpacks it")
    folder.chmod(0o777)
    library = {"LD_LIBRARY_PATH": str(UNPACKED / "usr" / "lib" / "postfix")}
    with held_ports(1) as (port,):
        command = [str(SINK), "-u", "nobody", "-d", "%M.", *options, f"{HOST}:{port}", "100"]
        server = subprocess.Popen(command, cwd=folder, env=library, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: listens(port) or server.poll() is not None, "smtp-sink listens")
            yield Endpoint(HOST, port, tls=TLSPolicy.NONE)
        finally:
            server.terminate()
            server.wait(10)


def stored(folder: Path) -> list[bytes]:
    """The messages as they were kept, without the lines that smtp-sink writes above them, LF made CRLF again."""
    found = []
    for file in sorted(folder.iterdir()):
        text = re.sub(
            rb"\A(?:X-[A-Za-z-]+:[^\n]*\n(?:[ \t][^\n]*\n)*|Received:[^\n]*\n(?:[ \t][^\n]*\n)*)+",
            b"",
            file.read_bytes(),
        )
        found.append(text.replace(b"\n", b"\r\n").removesuffix(b"\r\n\r\n") + b"\r\n")
    return found


@pytest.mark.parametrize("options", [(), ("-p",), ("-e", "-p")], ids=["pipelined", "lock step", "HELO only"])
def test_what_is_kept_is_what_was_sent(tmp_path: Path, options: tuple[str, ...]) -> None:
    messages = mails(100)
    with sink(tmp_path, *options) as endpoint, Session.open(endpoint) as session:
        outcomes = list(session.send_many(messages))
        assert {v.state for outcome in outcomes for v in outcome.recipients.values()} == {RecipientState.ACCEPTED}
        assert session.usable
    kept = stored(tmp_path)
    assert sorted(body.rstrip() for body in kept) == sorted(mail.data.rstrip() for mail in messages)


def test_refusals_of_each_command_keep_the_dialogue_in_step(tmp_path: Path) -> None:
    with sink(tmp_path, "-r", "rcpt") as endpoint, Session.open(endpoint) as session:
        outcomes = list(session.send_many(mails(3)))
        states = {v.state for outcome in outcomes for v in outcome.recipients.values()}
        assert states <= {RecipientState.REFUSED, RecipientState.DEFERRED}
        assert not any(outcome.terminator_sent for outcome in outcomes)
