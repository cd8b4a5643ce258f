from __future__ import annotations

import os
import re
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.bounces import Taken
from notifier.bounces.mailboxes import poll
from notifier.errors import MailboxUnavailable, StoreUnavailable
from notifier.model.secret import Secret


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1.a.host").write_bytes(b"first")
    (tmp_path / "new" / "2.b.host").write_bytes(b"second")
    (tmp_path / "cur" / "3.c.host:2,F").write_bytes(b"third")
    (tmp_path / "cur" / "4.d.host:2,S").write_bytes(b"seen")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_each_message_that_nobody_has_seen_is_taken_and_marked(maildir: Path) -> None:
    heard: list[bytes] = []

    def take(octets: bytes) -> list[Taken]:
        heard.append(octets)
        return [Taken("bounced")]

    assert len(list(poll(Secret(str(maildir)), take))) == 3
    assert sorted(heard) == [b"first", b"second", b"third"]
    assert names(maildir) == ["cur/1.a.host:2,S", "cur/2.b.host:2,S", "cur/3.c.host:2,FS", "cur/4.d.host:2,S"]
    assert list(poll(Secret(str(maildir)), take)) == []


def test_what_could_not_be_noted_stays_unseen(maildir: Path) -> None:
    before = names(maildir)

    def away(octets: bytes) -> list[Taken]:
        raise StoreUnavailable("the store is away")

    with pytest.raises(StoreUnavailable):
        list(poll(Secret(str(maildir)), away))
    assert names(maildir) == before


def test_what_cannot_be_read_keeps_nobody_from_the_rest(maildir: Path) -> None:
    (maildir / "new" / "0.folder").mkdir()
    (maildir / "new" / "0.link").symlink_to("/nowhere")
    os.mkfifo(maildir / "new" / "0.fifo")
    assert len(list(poll(Secret(str(maildir)), lambda _: [Taken("bounced")]))) == 3


def test_a_folder_that_is_no_maildir_says_so(tmp_path: Path) -> None:
    with pytest.raises(MailboxUnavailable, match="no Maildir"):
        list(poll(Secret(str(tmp_path / "nowhere")), lambda _: []))


def test_a_server_that_is_not_there_says_so_and_not_the_password() -> None:
    with pytest.raises(MailboxUnavailable, match=r"localhost cannot be read") as error:
        list(poll(Secret("imap://zoe:canary@localhost:1/INBOX"), lambda _: []))
    assert "canary" not in str(error.value)


class Crowded(socketserver.StreamRequestHandler):
    """An IMAP server, as far as it is needed, with a great many messages."""

    COUNT = 150_000

    def handle(self) -> None:
        self.wfile.write(b"* OK here\r\n")
        for line in self.rfile:
            tag, _, command = line.decode().strip().partition(" ")
            self.wfile.write(self._said(command).encode() + f"{tag} OK done\r\n".encode())

    def _said(self, command: str) -> str:
        if command == "CAPABILITY":
            return "* CAPABILITY IMAP4rev1\r\n"
        if command.startswith("SELECT"):
            return f"* {self.COUNT} EXISTS\r\n"
        if "SEARCH" in command:
            given = re.search(r"(\d+):(\d+)", command)
            first, last = (int(given[1]), int(given[2])) if given else (1, self.COUNT)
            return f"* SEARCH {' '.join(str(100_000 + number) for number in range(first, last + 1))}\r\n"
        return "* 1 FETCH (UID 100001 BODY[]<0> {5}\r\nfirst)\r\n" if "FETCH" in command else ""


@pytest.fixture
def crowded() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Crowded) as server:
        server.block_on_close = False  # whoever gives up may leave a connection
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"imap://zoe:canary@127.0.0.1:{server.server_address[1]}/INBOX"
        finally:
            server.shutdown()
            thread.join()


def test_a_mailbox_is_read_however_many_have_come(crowded: str) -> None:
    """imaplib reads no line of more than a megabyte."""
    taken = poll(Secret(crowded), lambda octets: [Taken(octets.decode())])
    assert next(taken).outcome == "first"
    taken.close()  # type: ignore[attr-defined]
