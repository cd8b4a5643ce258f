"""nodemailer, in a Node process that stays: what it makes of a mail, and the processor time that it says it took."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.compose.composers import DATE
from benchmarks.compose.mails import CONTENT_ID, IMAGE, PDF, SENDER, Mail, typical
from benchmarks.smtp import npm

NAME = "nodemailer"
WARM = 600  # mails, until its compiler has made what it makes of the program
_PROGRAM = Path(__file__).with_suffix(".mjs")


class Nodemailer:
    """Composes like the others, and tells its own time: that of its process, not of this one."""

    def __init__(self, *, warm: int = WARM) -> None:
        command = ["node", "--expose-gc", str(_PROGRAM), str(npm.MODULES)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._say(_files())
        self.seconds([typical(number) for number in range(warm)])

    def __call__(self, mail: Mail) -> bytes:
        """The octets of a mail."""
        return base64.b64decode(self._job([mail])["octets"])

    def seconds(self, mails: Sequence[Mail]) -> float:
        """Processor seconds, user and system, for all of them."""
        return float(self._job(mails)["seconds"])

    def _job(self, mails: Sequence[Mail]) -> Mapping[str, Any]:
        self._say([_call(mail) for mail in mails])
        assert self._process.stdout is not None
        answer: Mapping[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def _say(self, told: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._process:  # closes its standard input, at which it ends, and waits
            pass


def _files() -> Mapping[str, Mapping[str, str]]:
    image = {"filename": "logo.png", "contentType": "image/png", "cid": CONTENT_ID, "contentDisposition": "inline"}
    pdf = {"filename": "invoice.pdf", "contentType": "application/pdf"}
    return {"image": {**image, "content": _base64(IMAGE)}, "pdf": {**pdf, "content": _base64(PDF)}}


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _call(mail: Mail) -> Mapping[str, object]:
    files = {"image": mail.image, "pdf": mail.pdf}
    return {
        "from": _mailbox(*SENDER),
        "to": _mailbox(*mail.to),
        "subject": mail.subject,
        "date": format_datetime(DATE),
        "messageId": f"<{mail.message_id}>",
        "text": mail.text,
        "html": mail.html,
        "attached": [name for name, octets in files.items() if octets is not None],
    }


def _mailbox(name: str, address: str) -> Mapping[str, str]:
    return {"name": name, "address": address}
