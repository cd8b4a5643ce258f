"""What one way of sending a big file holds, in a process of its own: `python -m benchmarks.compose.held WAY PORT FOLDER BLOB`.

It writes the octets that were resident beyond those of before, at the most of all moments.
"""

from __future__ import annotations

import gc
import re
import smtplib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from email.message import EmailMessage
from email.utils import formataddr
from pathlib import Path

from benchmarks.compose.composers import DATE
from benchmarks.compose.mails import SENDER
from notifier.mime import Composition, Compositor
from notifier.model.address import Address
from notifier.model.content import Content, StoredAttachment
from notifier.model.envelope import Envelope
from notifier.smtp import Endpoint, Session, TLSPolicy
from notifier.store.blobs import Blobs
from notifier.store.blobs.directory import DirectoryBlobs

LEDGER, MOST = "ledger", 2**26
TO = "zoe@destination.example"
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
Send = Callable[[str | None], object]  # of a mail with that blob, or with none
Way = Callable[[int, Path], AbstractContextManager[Send]]


def blobs_in(folder: Path) -> Blobs:
    """A blob store as workers of several hosts have one."""
    return Blobs([DirectoryBlobs(folder, lambda: LEDGER)], limit=MOST, referenced=lambda _: frozenset())


def _path(folder: Path, blob: str) -> Path:
    return next(folder.rglob(blob))


@contextmanager
def email_message(port: int, folder: Path) -> Iterator[Send]:
    """The standard library: `EmailMessage`, and `smtplib` for the way."""
    with smtplib.SMTP("127.0.0.1", port) as connection:

        def send(blob: str | None) -> None:
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = formataddr(SENDER), TO, "Your file"
            message.set_content("Here it is.\n")
            if blob is not None:
                data = _path(folder, blob).read_bytes()
                message.add_attachment(data, maintype="application", subtype="octet-stream", filename="big.bin")
            connection.send_message(message)

        yield send


@contextmanager
def django(port: int, folder: Path) -> Iterator[Send]:
    """Django's message and its SMTP backend."""
    from django.conf import settings  # noqa: PLC0415 - only where it is measured

    settings.configure(USE_I18N=False, EMAIL_HOST="127.0.0.1", EMAIL_PORT=port)
    from django.core.mail import EmailMultiAlternatives, get_connection  # noqa: PLC0415 - behind the settings

    with get_connection("django.core.mail.backends.smtp.EmailBackend") as connection:

        def send(blob: str | None) -> None:
            message = EmailMultiAlternatives("Your file", "Here it is.\n", formataddr(SENDER), [TO])
            if blob is not None:
                message.attach("big.bin", _path(folder, blob).read_bytes(), "application/octet-stream")
            connection.send_messages([message])

        yield send


@contextmanager
def notifier(port: int, folder: Path) -> Iterator[Send]:
    """As workers do: what is big is read from the blob store while it goes out."""
    blobs, compositor = blobs_in(folder), Compositor()
    with Session.open(Endpoint("127.0.0.1", port, tls=TLSPolicy.NONE)) as session:

        def send(blob: str | None) -> None:
            files = [] if blob is None else [StoredAttachment("big.bin", "application/octet-stream", blob, blobs.open)]
            mail = compositor.compose(
                Composition(
                    Content("Your file", "Here it is.\n"),
                    sender=Address(*SENDER[1].split("@"), SENDER[0]),
                    to=[Address(*TO.split("@"))],
                    message_id="<1@origin.example>",
                    date=DATE,
                    envelope=Envelope(SENDER[1], (TO,)),
                    attachments=files,
                )
            )
            list(session.send_many([mail]))

        yield send


WAYS: Mapping[str, Way] = {
    "`EmailMessage`, `smtplib`": email_message,
    "Django, its SMTP backend": django,
    "**Notifier**, as workers": notifier,
}


def lack() -> str | None:
    """Why it cannot be measured here; None where it can."""
    return None if _CLEAR.exists() else "this system does not tell a process's peak (no /proc/self/clear_refs)"


def _resident(what: str) -> int:
    found = re.search(rf"{what}:\s+(\d+) kB", _STATUS.read_text())
    assert found is not None
    return int(found[1]) * 1024


def main(way: str, port: str, folder: str, blob: str) -> None:
    """Send a small mail, then the big one, and say what that one took."""
    with WAYS[way](int(port), Path(folder)) as send:
        send(None)
        gc.collect()
        _CLEAR.write_text("5")  # the peak is counted from here on (proc_pid_clear_refs(5))
        before = _resident("VmRSS")
        send(blob)
        print(_resident("VmHWM") - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
