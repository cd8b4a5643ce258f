"""The relay's 250 was read, and the ledger was away: it lies in the worker's journal, and no mail is sent again."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import redis
from workers import Plant, plant, wait_until

import notifier
from notifier import send_bulk
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.tasks.sweeper import sweep
from notifier.testing import Script
from notifier.testing.script import Step

GRACE = 4.0  # sweeps, of a second in these tests
SOON = 5.0  # seconds in which the ledger is killed
CELERY_LOOKS_NO_MORE = 14.5  # seconds: it looks 2, 6, 12 and 20 seconds after it has seen the loss, within two


class HeldReply(Script):
    """The first final reply is held until the test lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted, self.let_go = threading.Event(), threading.Event()

    def for_phase(self, phase: Phase) -> Step:
        if phase is Phase.FINAL_REPLY and not self.let_go.is_set():
            self.accepted.set()
            assert self.let_go.wait(60)
        return super().for_phase(phase)


def enqueue(mail_class: str = "transactional", queue: str = "mail") -> str:
    (row,) = send_bulk(
        template="welcome",
        mail_class=mail_class,
        recipients=[{"to": "zoe@example.com", "context": {"name": "Zoë"}}],
        options={"queue": queue},
    )
    assert row.result is not None
    return row.result.id


def copies(journal: Path) -> Counter[str]:
    """How often the server has accepted each mail, by the journal that it synced before each 250."""
    lines = journal.read_text().splitlines() if journal.exists() else []
    return Counter(json.loads(line)["message_id"].strip("<>").partition("@")[0] for line in lines)


def taken_over_soon(made: Plant, mail_id: str) -> float:
    """When the ledger will think that the mail's worker is lost, by the clock of this host. Nobody waits twelve minutes for it."""
    over = time.time() + SOON
    with redis.Redis.from_url(made.valkey.url) as client:
        assert client.zadd("notifier:{mail}:dot", {mail_id: over * 1000}, xx=True, ch=True) == 1
    return over


def wait_for_entry(made: Plant, mail_id: str) -> None:
    wait_until(lambda: f"that mail {mail_id} is sent is kept in" in made.logs(), "the settlement lies in the journal")


def entries(folder: Path) -> list[Path]:
    return list(folder.rglob("*.settlement"))


def sent_once(mail_id: str, journal: Path) -> None:
    found = notifier.status(mail_id)
    assert (found.state, found.attempt, found.unknowns) == (MailState.SENT, 1, 0)
    assert found.history[-1]["why"] == "its worker read the final reply while the ledger was away"
    assert set(found.recipients.values()) == {"accepted"}
    assert copies(journal) == {mail_id: 1}


def test_a_ledger_frozen_between_the_250_and_the_settlement(tmp_path: Path) -> None:
    journal, script = tmp_path / "accepted.jsonl", HeldReply()
    with plant(tmp_path, script, journal) as made:
        made.start_worker(slots=1)
        mail_id = enqueue()
        assert script.accepted.wait(30)
        made.valkey.signal(signal.SIGSTOP)
        script.let_go.set()
        wait_for_entry(made, mail_id)
        made.valkey.signal(signal.SIGCONT)
        made.settle([mail_id], "sent")
        found = notifier.status(mail_id)
        assert (found.unknowns, copies(journal)) == (0, {mail_id: 1})
        wait_until(lambda: not entries(tmp_path / "journal"), "the ledger has heard it")


def test_a_ledger_killed_there_and_away_for_longer_than_the_takeover_takes(tmp_path: Path) -> None:
    """Another host sweeps too, and knows nothing of the journal of the one that sends."""
    journal, script = tmp_path / "accepted.jsonl", HeldReply()
    with plant(tmp_path, script, journal) as made:
        made.start_worker(slots=1)
        made.use(NOTIFIER_JOURNAL=str(tmp_path / "another-host"))
        made.start_worker(slots=1)
        mail_id = enqueue()
        assert script.accepted.wait(30)
        taken_over = taken_over_soon(made, mail_id)
        made.valkey.kill()
        script.let_go.set()
        wait_for_entry(made, mail_id)
        wait_until(lambda: time.time() > taken_over + GRACE, "the ledger would have taken the mail over")
        made.valkey.start()
        made.settle([mail_id], "sent")
        sent_once(mail_id, journal)


def test_a_ledger_away_for_so_long_that_celery_would_look_at_it_seldom(tmp_path: Path) -> None:
    """Another host, here this process, finds it again at once, and sweeps for as long as the sender has not come back."""
    journal, script = tmp_path / "accepted.jsonl", HeldReply()
    with plant(tmp_path, script, journal) as made:
        made.start_worker(slots=1)
        mail_id = enqueue()
        assert script.accepted.wait(30)
        taken_over_soon(made, mail_id)
        made.valkey.kill()
        script.let_go.set()
        wait_for_entry(made, mail_id)
        back_at = time.time() + CELERY_LOOKS_NO_MORE
        wait_until(lambda: time.time() > back_at, "Celery would look again after twice the grace")
        made.valkey.start()
        wait_until(lambda: bool(sweep("mail")) and notifier.status(mail_id).state == "sent", "its worker has told")
        sent_once(mail_id, journal)


def test_a_ledger_away_while_the_worker_ends_hears_it_before_the_worker_has_gone(tmp_path: Path) -> None:
    journal, first, second = tmp_path / "accepted.jsonl", threading.Event(), threading.Event()
    script = Script().hold(Phase.FINAL_REPLY, first, times=1).hold(Phase.FINAL_REPLY, second, times=1)
    with plant(tmp_path, script, journal) as made:
        worker = made.start_worker(slots=2)
        ids = [enqueue(), enqueue(queue="mail.urgent")]  # two bells, so both slots have work
        wait_until(lambda: all(map(made.taken, ids)), "both replies are awaited")
        worker.signal(signal.SIGTERM)
        wait_until(lambda: "shutdown" in made.logs().lower(), "it drains")
        made.valkey.kill()
        first.set()
        wait_until(lambda: "is sent is kept in" in made.logs(), "the settlement lies in the journal")
        made.valkey.start()
        wait_until(lambda: any(notifier.status(one).state == "sent" for one in ids), "the ledger has heard it")
        assert worker.running
        second.set()
        wait_until(lambda: not worker.running, "it ends by itself")
        assert [notifier.status(one).state for one in ids] == ["sent", "sent"]
        assert copies(journal) == dict.fromkeys(ids, 1)


def test_a_worker_killed_with_an_entry_has_an_heir(tmp_path: Path) -> None:
    journal, script = tmp_path / "accepted.jsonl", HeldReply()
    with plant(tmp_path, script, journal) as made:
        worker = made.start_worker(slots=1)
        mail_id = enqueue()
        assert script.accepted.wait(30)
        made.valkey.kill()
        script.let_go.set()
        wait_for_entry(made, mail_id)
        worker.kill()
        made.valkey.start()
        made.start_worker(slots=1)
        made.settle([mail_id], "sent")
        sent_once(mail_id, journal)
        wait_until(lambda: not entries(tmp_path / "journal"), "the ledger has heard it")


@pytest.mark.parametrize("mail_class", ["bulk", "transactional"])
def test_a_mail_that_was_called_unknown_meanwhile_is_sent_after_all(tmp_path: Path, mail_class: str) -> None:
    """Its host was away for so long that another took the mail over. Then the host comes back."""
    journal, script = tmp_path / "accepted.jsonl", HeldReply()
    with plant(tmp_path, script, journal) as made:
        worker = made.start_worker(slots=1)
        mail_id = enqueue(mail_class)
        assert script.accepted.wait(30)
        made.valkey.kill()
        script.let_go.set()
        wait_for_entry(made, mail_id)
        worker.kill()
        made.valkey.start()
        made.lapse()
        made.use(NOTIFIER_JOURNAL=str(tmp_path / "another-host"), NOTIFIER_SMTP_URL="smtp://127.0.0.1:9?tls=none")
        other = made.start_worker(slots=1)
        wait_until(lambda: notifier.status(mail_id).unknowns == 1, "another host called it unknown")
        made.use(NOTIFIER_JOURNAL=str(tmp_path / "journal"))
        made.start_worker(slots=1)
        made.settle([mail_id], "sent")
        assert other.running
        assert notifier.status(mail_id).recipients == {"zoe@example.com": "accepted"}
        assert copies(journal) == {mail_id: 1}


def test_a_journal_that_takes_nothing_is_in_nobodys_way(tmp_path: Path) -> None:
    journal, script = tmp_path / "accepted.jsonl", HeldReply()
    (tmp_path / "full").write_text("no folder")
    with plant(tmp_path, script, journal, NOTIFIER_JOURNAL=str(tmp_path / "full" / "journal")) as made:
        made.start_worker(slots=1)
        mail_id = enqueue("bulk")
        assert script.accepted.wait(30)
        made.valkey.kill()
        script.let_go.set()
        wait_until(lambda: f"does not take mail {mail_id}" in made.logs(), "the journal has said so")
        made.valkey.start()
        made.lapse()
        made.settle([mail_id], "parked")
        other = enqueue()
        made.settle([other], "sent")
