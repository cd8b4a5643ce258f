"""`notifier bounce`: bounces and complaints come in, by a pipe, from a mailbox, or by LMTP."""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import click

from notifier.bounces import Desk, Taken, mailboxes
from notifier.bounces.parts import MOST
from notifier.bounces.receiver import Receiver
from notifier.cli.as_json import as_json_option, one_line, served_as_json_option
from notifier.cli.choosing import Span
from notifier.errors import ConfigurationError, MailboxUnavailable, StoreError
from notifier.tasks.bounces import desk
from notifier.tasks.runtime import settings

# EX_TEMPFAIL of sysexits(3), the one status with which every MTA keeps the message. EX_CONFIG would say more, and Postfix bounces it.
TEMPORARY_FAILURE = 75

log = logging.getLogger(__name__)


app_option = click.option(
    "-A",
    "--app",
    metavar="MODULE",
    help="The module that the workers are started with, whose receivers of mail_bounced and mail_complained are to hear of it.",
)


@click.group("bounce")
def command() -> None:
    """Take in bounces and complaints: by a pipe, from a mailbox, by LMTP."""


@command.command("read")
@click.option(
    "--to",
    default="",
    envvar="ORIGINAL_RECIPIENT",
    metavar="ADDRESS",
    help="The envelope's recipient. Left out: ORIGINAL_RECIPIENT of the environment (Postfix), or the message's own fields.",
)
@app_option
@as_json_option
def read(to: str, app: str | None, as_json: bool) -> None:
    """Take one message from standard input: what a mail server's pipe starts.

    Exit status 0 where it is taken or nothing follows from it, 75 (EX_TEMPFAIL) where it cannot be noted now or the settings are
    wrong: then the mail server keeps the message.
    """
    octets = sys.stdin.buffer.read(MOST)
    while sys.stdin.buffer.read(MOST):  # the rest says nothing; a server that cannot write it would call that a failure
        pass
    try:
        taken = _desk(app).take(octets, to=to)
    except Exception as error:  # noqa: BLE001 - whatever it is, the message is not to be lost
        click.echo(f"notifier: {error or type(error).__name__}", err=True)
        sys.exit(TEMPORARY_FAILURE)
    _tell(taken, as_json=as_json)


@command.command("poll")
@click.option("--every", type=Span(), metavar="SPAN", help="Look again after so long, such as 5min, until it is ended.")
@app_option
@as_json_option
def poll(every: float | None, app: str | None, as_json: bool) -> None:
    """Take what nobody has seen in the mailbox of NOTIFIER_BOUNCE_MAILBOX, and mark it as seen.

    Without --every it looks once. Exit status 1 where mailbox or store cannot be had: what was not taken stays unseen.
    """
    place = settings().bounces.mailbox
    if place is None:
        raise ConfigurationError(
            ["NOTIFIER_BOUNCE_MAILBOX is not set: name a Maildir, or imaps://user:password@host/folder"]
        )
    take = _desk(app).take
    while every is not None:
        try:
            _tell(mailboxes.poll(place, take), as_json=as_json)
        except (MailboxUnavailable, StoreError) as error:
            click.echo(f"notifier: {error}", err=True)
        time.sleep(every)
    _tell(mailboxes.poll(place, take), as_json=as_json)


@command.command("serve")
@click.option(
    "--lmtp", "address", required=True, metavar="ADDRESS", help="unix:/path, or host:port such as 127.0.0.1:10024."
)
@click.option("--mode", default="660", show_default=True, metavar="OCTAL", help="Who may connect to a Unix socket.")
@app_option
@served_as_json_option
def serve(address: str, mode: str, app: str | None, as_json: bool) -> None:
    """Listen for them by LMTP (RFC 2033), until SIGTERM or Ctrl-C. What is being taken then is finished."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _desk(app)  # wrong settings are told here, and not to a mail server
    receiver = Receiver(_address(address), desk, mode=_mode(mode))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: receiver.stop())
    place = address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{receiver.port}"
    if as_json:
        one_line({"listening": place})
    else:
        click.echo(f"listening at {place}", err=True)
    receiver.serve()


def _desk(app: str | None) -> Desk:
    """With the application's receivers, where it is named: they hear of what is noted here. Raises `ConfigurationError`."""
    if app is not None:
        sys.path.insert(0, str(Path.cwd()))
        try:
            import_module(app)
        except Exception as error:  # noqa: BLE001 - whatever a module of an application raises
            raise ConfigurationError(
                [f"--app names {app}, which cannot be imported: {type(error).__name__}: {error}"]
            ) from None
    return desk()


def _address(text: str) -> str | tuple[str, int]:
    if text.startswith("unix:/"):
        return text.removeprefix("unix:")
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise click.UsageError(f"--lmtp is unix:/path or host:port, and not {text!r}")
    return host.strip("[]"), int(port)


def _mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise click.UsageError(f"--mode is octal, such as 660, and not {text!r}")
    return mode


def _tell(taken: Iterable[Taken], *, as_json: bool) -> None:
    """A line for each as it comes."""
    for one in taken:
        if as_json:
            click.echo(json.dumps(asdict(one), ensure_ascii=False))
        else:
            about = f"mail {one.mail_id}: " if one.mail_id else ""
            click.echo(f"{about}{' '.join(filter(None, (one.outcome, one.status)))}; {one.effect}")
