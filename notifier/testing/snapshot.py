"""A mail as a text that people read and compare: what a recipient gets, without what differs each time."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping
from email.message import EmailMessage, Message
from pathlib import Path

from notifier.testing.mailbox import CaughtMail
from notifier.testing.parsing import parse, text_of

# Another at each run, or about the way and not the mail.
LEFT_OUT = frozenset(
    {
        "date",
        "message-id",
        "received",
        "return-path",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "dkim-signature",
    }
)


def snapshot_of(mail: CaughtMail | Message | bytes, replace: Mapping[str, str] | None = None) -> str:
    """Header fields in the order of their names, then each part: texts decoded, files by type, size and digest.

    ``replace`` maps regular expressions to what stands in their place: dates, tokens.
    """
    text = "\n".join([*_fields(message := _message(mail)), *_parts(message)]) + "\n"
    for pattern, place in (replace or {}).items():
        text = re.sub(pattern, place, text)
    return text


def difference(expected: str, found: str, name: str) -> str:
    """What is other, line by line; empty where nothing is."""
    lines = difflib.unified_diff(
        expected.splitlines(), found.splitlines(), f"{name} (kept)", f"{name} (sent)", lineterm=""
    )
    return "\n".join(lines)


def write(path: Path, text: str) -> None:
    """Keep a snapshot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())  # line ends as they are, on every system


def read(path: Path) -> str | None:
    """A snapshot that was kept; None where there is none."""
    return path.read_bytes().decode() if path.exists() else None


def _message(mail: CaughtMail | Message | bytes) -> EmailMessage:
    if isinstance(mail, CaughtMail):
        return mail.message
    if not isinstance(mail, bytes | Message):
        raise TypeError(
            f"a mail is a CaughtMail, an email.message.Message or octets, not {type(mail).__name__}; "
            "of Django's give mail.message(), of Flask-Mail's mail.as_bytes()"
        )
    return parse(mail if isinstance(mail, bytes) else mail.as_bytes())


def _fields(message: EmailMessage) -> Iterator[str]:
    named = sorted((name.lower(), name, str(value)) for name, value in message.items())
    for key, name, value in named:
        if key not in LEFT_OUT:
            yield f"{name}: {value}"


def _parts(message: EmailMessage) -> Iterator[str]:
    for part in message.walk():
        if part.is_multipart():
            continue
        named = part.get_filename()
        yield f"\n--- {part.get_content_type()}" + (f" {named}" if named else "")
        if part.get_content_maintype() == "text" and named is None:
            yield from (line.rstrip() for line in text_of(part).splitlines())
        else:
            payload = part.get_payload(decode=True)
            data = payload if isinstance(payload, bytes) else b""
            yield f"{len(data)} octets, sha256 {hashlib.sha256(data).hexdigest()}"
