"""Two hosts, played by two directories: the application writes attachments where the worker does not see them."""

from __future__ import annotations

import os
from pathlib import Path

import redis
from workers import Plant, plant, wait_until

from notifier import send_email
from notifier.model.state import MailState

PDF = b"%PDF" + bytes(range(256)) * 1000


def send(made: Plant, **more: object) -> str:
    return send_email.delay(template="welcome", to="zoe@example.com", context={"name": "Zoë"}, **more).id


def words_of(made: Plant, mail_id: str) -> str:
    fault = made.status(mail_id).last_fault
    return fault.text if fault else ""


def test_a_mail_whose_attachment_is_not_seen_waits_and_says_why_while_others_flow(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    with plant(tmp_path, NOTIFIER_BLOBS=f"dir:{ours}") as made:
        made.environ["NOTIFIER_BLOBS"] = f"dir:{theirs}"  # of the worker alone
        made.start_worker()
        waits = send(made, attachments=[{"filename": "a.pdf", "data": PDF}])
        wait_until(lambda: words_of(made, waits) != "", "the worker has looked for the attachment")
        flows = [send(made) for _ in range(5)]
        made.settle(flows, MailState.SENT)
        found = made.status(waits)
        assert found.state in (MailState.WAITING, MailState.CLAIMED)
        assert found.attempt == 0
        (blob,) = (path.name for path in ours.rglob("*") if path.is_file())
        assert blob in words_of(made, waits)
        assert str(theirs) in words_of(made, waits)
        assert "share it with this host" in words_of(made, waits)
        theirs.rmdir()
        theirs.symlink_to(ours)  # what an operator's mount does
        made.settle([waits], MailState.SENT)
        (caught,) = made.server.mailbox.by_message_id()[made_id(made, waits)]
        (part,) = caught.message.iter_attachments()
        assert part.get_content() == PDF


def made_id(made: Plant, mail_id: str) -> str:
    (found,) = (one for one in made.server.mailbox.by_message_id() if mail_id in one)
    return found


def test_workers_take_away_what_no_mail_needs(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    with plant(
        tmp_path, NOTIFIER_BLOBS=f"dir:{blobs}", NOTIFIER_RETENTION="1", NOTIFIER_IDEMPOTENCY_WINDOW="1"
    ) as made:
        sent = send(made, attachments=[{"filename": "a.pdf", "data": PDF}])
        (file,) = (path for path in blobs.rglob("*") if path.is_file())
        grown_old(file)
        made.start_worker()
        wait_until(lambda: len(made.server.mailbox) == 1, f"{sent} has arrived")
        with redis.Redis.from_url(made.valkey.url) as client:
            wait_until(lambda: not client.exists("notifier:{mail}:refs"), "nobody refers to it any more")
            # A worker collects a sixteenth in a minute; this test has no hour.
            client.set("notifier:{blobs}:collections", int(file.name[0], 16) - 1)
            client.delete("notifier:{blobs}:collecting")
        wait_until(lambda: not file.exists(), "the file is gone")


def grown_old(file: Path) -> None:
    os.utime(file, (0, 0))
