from __future__ import annotations

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


def test_a_folder_that_is_no_maildir_says_so(tmp_path: Path) -> None:
    with pytest.raises(MailboxUnavailable, match="no Maildir"):
        list(poll(Secret(str(tmp_path / "nowhere")), lambda _: []))


def test_a_server_that_is_not_there_says_so_and_not_the_password() -> None:
    with pytest.raises(MailboxUnavailable, match=r"localhost cannot be read") as error:
        list(poll(Secret("imap://zoe:canary@localhost:1/INBOX"), lambda _: []))
    assert "canary" not in str(error.value)
