"""Who is measured: a name for the table, the command that runs it, the sink's port it is sent to."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.smtp import npm, postfix
from benchmarks.smtp.load import RECIPIENT, SENDER, Load

TOP = Path(__file__).parents[2]
REFERENCE = "smtplib"


@dataclass(frozen=True, slots=True)
class Peer:
    """``chunking``: it is offered CHUNKING. ``in_flight``: it has many mails under way where it sends with BDAT.
    ``same``: it can only send one mail again and again.
    """

    key: str
    name: str
    chunking: bool = False
    in_flight: bool = False
    same: bool = False

    def missing(self, *, install: bool) -> str | None:
        """Why it cannot be measured here; None where it can."""
        if self.key == "nodemailer":
            return npm.missing(install=install)
        if self.key == "smtp-source":
            return postfix.missing()
        if self.key == "aiosmtplib" and importlib.util.find_spec("aiosmtplib") is None:
            return "it is not installed (benchmarks/requirements.txt)"
        return None

    def command(self, port: int, load: Load) -> tuple[list[str], str]:
        """The arguments of its process and what that reads on standard input."""
        if self.key == "nodemailer":
            return ["node", str(Path(__file__).with_name("nodemailer.mjs"))], _job(port, load)
        arguments = [self.key, str(port), str(load.first), str(load.count)]
        return [sys.executable, "-m", "benchmarks.smtp.client", *arguments], ""


def _job(port: int, load: Load) -> str:
    before, behind = (octets.decode() for octets in load.frame)
    frame = {"before": before, "behind": behind, "sender": SENDER, "recipient": RECIPIENT}
    return json.dumps({"modules": str(npm.MODULES), "port": port, "first": load.first, "count": load.count, **frame})


PEERS = (
    Peer("smtplib-new", "`smtplib`, a new connection each"),
    Peer(REFERENCE, "`smtplib`, one kept open"),
    Peer("aiosmtplib", "aiosmtplib, one kept open"),
    Peer("nodemailer", "nodemailer, pool of one"),
    Peer("smtp-source", "Postfix's `smtp-source`, in C, with its start", same=True),
    Peer("notifier", "**Notifier**, DATA"),
    Peer("notifier-window", "**Notifier**, window of 128", chunking=True, in_flight=True),
    Peer("socket-data", "no client: plain socket, DATA, envelope in one flight"),
    Peer("socket-bdat", "no client: plain socket, BDAT in flight (the sink's limit)", chunking=True, in_flight=True),
)
