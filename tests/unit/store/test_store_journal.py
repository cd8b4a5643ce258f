from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from notifier.errors import ErrorClass, Fault, Phase, Scope
from notifier.model.outcome import RecipientState
from notifier.model.spent import Spent
from notifier.model.state import MailState
from notifier.store import SettlementJournal
from notifier.store.evidence import Evidence

EPOCH, OTHER = "a" * 32, "b" * 32
FAULT = Fault("Z2", ErrorClass.TRANSIENT, Scope.MESSAGE, Phase.FINAL_REPLY, "4.3.0 later", code=451)


def evidence(mail_id: str = "mail-1", *, fence: int = 1, epoch: str = EPOCH, at: float = 1_700_000_000.0) -> Evidence:
    return Evidence(
        mail_id,
        "mail",
        fence,
        epoch,
        MailState.WAITING,
        {"zoë@example.com": RecipientState.DEFERRED},
        Spent.ATTEMPT,
        1,
        created_at=at,
        due_at=at + 30,
        fault=FAULT,
        reply="451 4.3.0 later",
    )


@pytest.fixture
def journal(tmp_path: Path) -> SettlementJournal:
    return SettlementJournal(tmp_path / "journal")


def kept(journal: SettlementJournal, epoch: str = EPOCH) -> list[Evidence]:
    return [one for _, one in journal.entries(epoch)]


def test_what_is_kept_is_read_again_oldest_first(journal: SettlementJournal) -> None:
    second, first = evidence("b", at=1_700_000_002.0), evidence("a", at=1_700_000_001.0)
    assert journal.keep(second)
    assert journal.keep(first)
    assert kept(SettlementJournal(journal.folder)) == [first, second]


def test_what_is_kept_twice_is_kept_once(journal: SettlementJournal) -> None:
    journal.keep(evidence())
    journal.keep(evidence())
    assert len(kept(journal)) == 1


def test_what_the_ledger_has_is_forgotten(journal: SettlementJournal) -> None:
    journal.keep(evidence())
    for path, _ in journal.entries(EPOCH):
        journal.forget(path)
        journal.forget(path)  # another worker was quicker
    assert kept(journal) == []


def test_entries_are_read_by_their_user_alone(journal: SettlementJournal) -> None:
    journal.keep(evidence())
    ((path, _),) = journal.entries(EPOCH)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == journal.folder.stat().st_mode & 0o777 == 0o700


def test_a_torn_or_changed_entry_is_put_aside_and_said(
    journal: SettlementJournal, caplog: pytest.LogCaptureFixture
) -> None:
    for mail_id, at in (("torn", 1.0), ("changed", 2.0), ("whole", 3.0)):
        journal.keep(evidence(mail_id, at=at))
    torn, changed, _ = [path for path, _ in journal.entries(EPOCH)]
    torn.write_bytes(torn.read_bytes()[:-40])
    changed.write_bytes(changed.read_bytes().replace(b'"waiting"', b'"sent"'))
    assert [one.mail_id for one in kept(journal)] == ["whole"]
    assert caplog.text.count("is of no use, and is put aside: its checksum is wrong") == 2
    assert len(list(torn.parent.glob("*.unreadable"))) == 2


def test_what_a_killed_writer_left_is_no_entry(journal: SettlementJournal) -> None:
    journal.keep(evidence())
    (journal.folder / EPOCH / ".half-written").write_bytes(b"0123")
    assert len(kept(journal)) == 1


def test_entries_of_another_ledger_are_kept_apart_and_said_once(
    journal: SettlementJournal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.keep(evidence(epoch=OTHER))
    assert kept(journal) == []
    journal.tell_of_others(EPOCH)
    journal.tell_of_others(EPOCH)
    assert caplog.text.count("1 settlements in") == 1
    assert journal.of_others(EPOCH) == {OTHER: 1}
    assert len(kept(journal, OTHER)) == 1


def test_an_entry_that_was_moved_to_another_ledgers_folder_is_not_read_to_it(journal: SettlementJournal) -> None:
    journal.keep(evidence())
    journal.keep(evidence("mail-2", epoch=OTHER))
    ((path, _),) = journal.entries(EPOCH)
    path.rename(journal.folder / OTHER / path.name)
    assert [one.mail_id for one in kept(journal, OTHER)] == ["mail-2"]


def test_a_disk_that_takes_nothing_is_a_warning(journal: SettlementJournal, caplog: pytest.LogCaptureFixture) -> None:
    journal.keep(evidence("before"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))  # the kernel says EFBIG, as a full disk says ENOSPC
    try:
        taken = journal.keep(evidence())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not taken
    assert "does not take mail mail-1: " in caplog.text
    assert [path.suffix for path in (journal.folder / EPOCH).iterdir()] == [".settlement"]


def test_a_folder_that_cannot_be_made_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    assert not SettlementJournal(tmp_path / "file" / "journal").keep(evidence())
    assert "does not take mail mail-1" in caplog.text


def test_it_is_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = SettlementJournal(tmp_path / "journal", most=2)
    assert [journal.keep(evidence(str(number))) for number in range(3)] == [True, True, False]
    assert "it is full, with 2 entries" in caplog.text


@pytest.mark.parametrize("how", ["open to others", "a link"])
def test_a_folder_that_others_may_write_to_is_not_used(
    journal: SettlementJournal, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    journal.keep(evidence())
    if how == "a link":
        journal.folder.rename(tmp_path / "elsewhere")
        journal.folder.symlink_to(tmp_path / "elsewhere")
    else:
        os.chmod(journal.folder / EPOCH, 0o777)  # noqa: S103, PTH101 - that is the point
        assert kept(journal) == []
    assert not journal.keep(evidence("mail-2"))
    assert "is not a folder that this user alone may write to" in caplog.text


def test_an_id_names_no_file(journal: SettlementJournal) -> None:
    journal.keep(evidence("../../../etc/passwd"))
    assert [one.mail_id for one in kept(journal)] == ["../../../etc/passwd"]


@pytest.mark.parametrize("epoch", ["", "../elsewhere", "x" * 32])
def test_without_the_ledgers_epoch_nothing_is_kept(journal: SettlementJournal, epoch: str) -> None:
    assert not journal.keep(evidence(epoch=epoch))
