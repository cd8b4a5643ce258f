"""`notifier smtp probe HOST`: what a server offers, and how long it takes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.cli.as_json import as_json_option
from notifier.settings.relay import ManyProblems, parse_relay
from notifier.smtp import Endpoint, Timeouts, TLSPolicy
from notifier.smtp.probe import Findings, probe

_PLACE = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::(.*))?", re.DOTALL)
_PORT = re.compile(r"[0-9]{1,5}")
QUICK = Timeouts(greeting=20, ehlo=20, starttls=20, auth=20)


@click.group("smtp")
def command() -> None:
    """Look at mail servers."""


@command.command("probe")
@click.argument("host")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: 25]")
@click.option("--tls", type=click.Choice(["auto", "implicit", "required", "none"]), default="auto", show_default=True)
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="A PEM file to trust.")
@as_json_option
def probe_command(host: str, port: int | None, tls: str, ca: str | None, as_json: bool) -> None:
    """Greet HOST and tell what it says: extensions, TLS, certificate, AUTH mechanisms, limits, time of each phase.

    HOST is a name, an address, name:port, or a relay's URL (smtp://user:password@host:587), with which the login is
    tried too. No mail is sent. Exit status 1 where something failed on the way.
    """
    found = probe(_endpoint(host, port, tls, ca))
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))
    else:
        Console().print(_table(found))
    if found.faults:
        sys.exit(1)


def _endpoint(host: str, port: int | None, tls: str, ca: str | None) -> Endpoint:
    if "://" in host:
        try:
            return parse_relay(host).endpoint
        except ManyProblems as error:
            raise click.BadParameter("; ".join(error.problems)) from None
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    name, given = _place(host)
    number = port or given or 25
    policies = {"implicit": TLSPolicy.IMPLICIT, "required": TLSPolicy.REQUIRED, "none": TLSPolicy.NONE}
    policy = policies.get(tls, TLSPolicy.IMPLICIT if number == 465 else TLSPolicy.OPPORTUNISTIC)
    try:
        return Endpoint(name, number, tls=policy, ca_file=ca, timeouts=QUICK)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _place(text: str) -> tuple[str, int | None]:
    """``name``, ``name:port``, ``[address]:port``; an IPv6 address by itself needs no brackets."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise click.BadParameter("is a name or an address with a port behind it, such as [::1]:25")
    name, port = found[1] or found[2], found[3]
    if port is not None and not (_PORT.fullmatch(port) and 0 < int(port) < 2**16):
        raise click.BadParameter(f"the port behind the colon is no number from 1 to 65535: {port!r}")
    return name, None if port is None else int(port)


def _table(found: Findings) -> Table:
    """Texts, for in a server's words markup means nothing."""
    table = Table(show_header=False, title=Text(found.server), title_justify="left")
    for name, value in _rows(found):
        table.add_row(Text(name, "red" if name == "fault" else ""), Text(value))
    return table


def _rows(found: Findings) -> Iterator[tuple[str, str]]:
    for fault in found.faults:
        yield "fault", fault
    if found.greeting:
        yield "greeting", found.greeting
        yield "TLS", found.tls or "none"
    if found.certificate is not None:
        yield "certificate", f"for {', '.join(found.certificate.names)}"
        yield "", f"by {found.certificate.issuer}, until {found.certificate.until}"
    if not found.greeting:
        return
    yield "AUTH", " ".join(found.mechanisms) or "none"
    for keyword, parameters in found.extensions.items():
        if keyword != "AUTH":
            yield "extension", f"{keyword} {parameters}".strip()
    limits = {
        "octets in a message": found.size_limit,
        "mails in a session": found.mail_max,
        "recipients": found.rcpt_max,
    }
    for what, limit in limits.items():
        yield f"limit: {what}", "not told" if limit is None else str(limit)
    for phase, seconds in found.seconds.items():
        yield f"time: {phase}", f"{seconds * 1000:.1f} ms"
