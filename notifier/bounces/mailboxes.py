"""Reports that wait in a mailbox: a Maildir, or an IMAP folder. Each is marked as seen when what follows from it is in the store."""

from __future__ import annotations

import imaplib
import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from notifier.bounces.desk import Taken
from notifier.bounces.parts import MOST
from notifier.errors import MailboxUnavailable
from notifier.model.secret import Secret
from notifier.smtp import tls

PATIENCE = 60.0  # seconds for each answer of the server
MOST_ASKED = 10_000  # messages in one SEARCH: imaplib reads no line over a megabyte, and their numbers stand in one
_FLAGS = ":2,"
Take = Callable[[bytes], list[Taken]]

log = logging.getLogger(__name__)


def poll(place: Secret, take: Take) -> Iterator[Taken]:
    """Take each message that nobody has seen. Raises `MailboxUnavailable`, and what ``take`` raises: the rest stays unseen."""
    text = place.reveal()
    return poll_maildir(Path(text), take) if text.startswith("/") else poll_imap(text, take)


def poll_maildir(folder: Path, take: Take) -> Iterator[Taken]:
    """Seen ones lie in ``cur`` with the flag S. They are renamed and not written anew: a kill loses none, and doubles none."""
    try:
        found = sorted(path for name in ("new", "cur") for path in (folder / name).iterdir() if not _is_seen(path))
    except OSError as error:
        raise MailboxUnavailable(f"{folder} is no Maildir that can be read: {error.strerror}") from None
    for path in found:
        if (octets := _beginning(path)) is not None:
            yield from take(octets)
            _mark_as_seen(path, folder)


def _beginning(path: Path) -> bytes | None:
    """None where it cannot be read: the others are not to wait for it."""
    try:
        if path.is_file():  # and nothing else that somebody has put there: a FIFO would be waited for
            with path.open("rb") as file:
                return file.read(MOST)
    except FileNotFoundError:
        return None  # somebody else has taken it meanwhile
    except OSError as error:
        log.warning("%s cannot be read, and stays unseen: %s", path, error.strerror)
    return None


def _mark_as_seen(path: Path, folder: Path) -> None:
    name, _, flags = path.name.partition(_FLAGS)
    try:
        with suppress(FileNotFoundError):  # somebody else has done it meanwhile
            path.rename(folder / "cur" / f"{name}{_FLAGS}{''.join(sorted({*flags, 'S'}))}")
    except OSError as error:
        raise MailboxUnavailable(f"{folder} cannot be written to: {error.strerror}") from None


def _is_seen(path: Path) -> bool:
    return path.name.startswith(".") or "S" in path.name.partition(_FLAGS)[2]


def poll_imap(url: str, take: Take) -> Iterator[Taken]:
    """``imaps://user:password@host/folder``; no folder: INBOX. Only the beginning of a message is fetched."""
    parts = urlsplit(url)
    try:
        with _connected(parts.scheme, parts.hostname or "", parts.port) as box:
            _log_in(box, unquote(parts.username or ""), unquote(parts.password or ""))
            (count,) = _checked(box.select(_quoted(unquote(parts.path.strip("/")) or "INBOX")))
            for uid in _unseen(box, int(count)):
                if octets := _fetched(box, uid.decode()):  # else somebody else has taken it meanwhile
                    yield from take(octets)
                _checked(box.uid("STORE", uid.decode(), "+FLAGS.SILENT", r"(\Seen)"))
    except (imaplib.IMAP4.error, OSError, UnicodeError) as error:
        raise MailboxUnavailable(
            f"the mailbox of bounces at {parts.hostname} cannot be read: {str(error)[:200]}"
        ) from None


def _connected(scheme: str, host: str, port: int | None) -> imaplib.IMAP4:
    if scheme == "imap":
        return imaplib.IMAP4(host, port or 143, timeout=PATIENCE)
    context: ssl.SSLContext = tls.verified_context(None)
    return imaplib.IMAP4_SSL(host, port or 993, ssl_context=context, timeout=PATIENCE)


def _log_in(box: imaplib.IMAP4, user: str, password: str) -> None:
    """LOGIN holds ASCII alone; PLAIN (RFC 4616) holds every password."""
    if "AUTH=PLAIN" in box.capabilities:
        box.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
    else:
        box.login(user, password)


def _unseen(box: imaplib.IMAP4, count: int) -> list[bytes]:
    """UIDs among the ``count`` messages that are there."""
    found: list[bytes] = []
    for first in range(1, count + 1, MOST_ASKED):
        last = min(first + MOST_ASKED - 1, count)
        found += (_checked(box.uid("SEARCH", f"{first}:{last}", "UNSEEN"))[0] or b"").split()
    return found


def _fetched(box: imaplib.IMAP4, uid: str) -> bytes:
    """Looked at (PEEK) without being marked as seen."""
    answer = _checked(box.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MOST}>)"))
    return next((one[1] for one in answer if isinstance(one, tuple)), b"")


def _checked(answer: tuple[str, list[Any]]) -> list[Any]:
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(str(data[0])[:200])
    return data


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
