"""A store that is wiped, exchanged or restored: detected within a sweep, said loudly, and no mail goes twice that may not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import redis
from test_store_away_after_the_reply import HeldReply, copies, enqueue, entries, wait_for_entry
from workers import Plant, plant, wait_until

import notifier
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.testing import EmbeddedValkey, Script


def flush(made: Plant) -> None:
    """When a worker knows the ledger: to one that has not looked at it yet the new one is the first."""
    wait_until(lambda: b"pulse" in b" ".join(keys(made)), "the worker has looked at the ledger")
    with redis.Redis.from_url(made.valkey.url) as client:
        client.flushall()


def told(made: Plant, why: str) -> None:
    wait_until(lambda: f"the store was {why}: epoch" in made.logs(), "a worker has said so")
    assert " ERROR " in next(line for line in made.logs().splitlines() if f"the store was {why}" in line)


def command(made: Plant, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from notifier.cli import main; main()", *arguments]
    return subprocess.run(program, env=made.environ, capture_output=True, text=True, timeout=60, check=False)


def test_flushall_while_mails_wait_is_said_and_the_worker_goes_on(tmp_path: Path) -> None:
    journal = tmp_path / "accepted.jsonl"
    with plant(tmp_path, journal=journal) as made:
        made.start_worker(slots=1)
        before = notifier.send_email.apply_async(
            kwargs={"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}}, countdown=600
        )
        flush(made)
        told(made, "wiped or exchanged")
        found = command(made, "check", "--json")
        faults = [row for row in json.loads(found.stdout) if not row["ok"]]
        assert (found.returncode, [row["subject"] for row in faults]) == (1, ["store"])
        assert "enqueue again what was surely not sent" in faults[0]["advice"]
        assert "the store was wiped or exchanged" in command(made, "status", before.id).stderr
        after = enqueue()
        made.settle([after], "sent")
        assert copies(journal) == {after: 1}


def keys(made: Plant) -> list[bytes]:
    with redis.Redis.from_url(made.valkey.url) as client:
        return client.keys("notifier:*")


@pytest.mark.parametrize("mail_class", ["bulk", "transactional"])
def test_flushall_between_the_claim_and_the_dot_sends_nothing(tmp_path: Path, mail_class: str) -> None:
    """The claim is of another epoch: its record is gone, so its dot is refused, and the relay gets no terminator."""
    journal = tmp_path / "accepted.jsonl"
    greets = threading.Event()
    script = Script().hold(Phase.GREETING, greets, times=1)
    with plant(tmp_path, script, journal) as made:
        made.start_worker(slots=1)
        mail_id = enqueue(mail_class)
        wait_until(lambda: notifier.status(mail_id).state is MailState.CLAIMED, "claimed")
        flush(made)
        greets.set()
        wait_until(lambda: f"claim lost before the dot: claim lost for {mail_id}" in made.logs(), "the dot is refused")
        told(made, "wiped or exchanged")
        after = enqueue()
        made.settle([after], "sent")
        assert copies(journal) == {after: 1}


def test_flushall_in_mid_run_doubles_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "accepted.jsonl"
    script = Script().delay(Phase.FINAL_REPLY, 0.02)  # so that the run has a middle
    with plant(tmp_path, script, journal) as made:
        made.start_worker(slots=2)
        people = [{"to": f"u{number}@example.com", "context": {"name": "Zoë"}} for number in range(400)]
        rows = notifier.send_bulk(template="welcome", mail_class="bulk", recipients=people, options={"queue": "mail"})
        made.server.mailbox.wait_for(40, timeout=60)
        flush(made)
        told(made, "wiped or exchanged")
        after = enqueue("bulk")
        made.settle([after], "sent")
        ids = {row.result.id for row in rows if row.result}
        arrived = copies(journal)
        assert set(arrived) <= ids | {after}
        assert set(arrived.values()) == {1}
        assert len(arrived) < len(ids), "it was in mid-run"


def test_a_settlement_of_the_old_data_is_kept_apart_from_the_new(tmp_path: Path) -> None:
    journal, script = tmp_path / "accepted.jsonl", HeldReply()
    with plant(tmp_path, script, journal) as made:
        made.start_worker(slots=1)
        mail_id = enqueue()
        assert script.accepted.wait(30)
        made.valkey.kill()
        script.let_go.set()
        wait_for_entry(made, mail_id)
        with EmbeddedValkey() as another:
            exchange(made, another)
            wait_until(lambda: "1 settlements in" in made.logs(), "the worker says that it keeps them")
            told(made, "wiped or exchanged")
            assert len(entries(tmp_path / "journal")) == 1
            after = enqueue()
            made.settle([after], "sent")
            assert copies(journal) == {mail_id: 1, after: 1}


def exchange(made: Plant, another: EmbeddedValkey) -> None:
    """Another server, with nothing in it, at the address of the first."""
    port = made.valkey.port
    another.kill()
    another.port = port
    another.start()


def test_a_store_that_was_restored_parks_what_may_go_only_once(tmp_path: Path) -> None:
    """It has the same mark as before, and is older than what the worker has seen of it."""
    with plant(tmp_path) as made:
        made.start_worker(slots=1)
        wait_until(lambda: b"pulse" in b" ".join(keys(made)), "the worker has looked at the ledger")
        bulk, other = scheduled("bulk"), scheduled("transactional")
        data = made.valkey._data
        assert data is not None
        made.valkey.kill()
        shutil.copytree(data, tmp_path / "backup")
        made.valkey.start()
        seen = pulse(made)
        wait_until(lambda: pulse(made) > seen + 1, "the worker has seen younger data than the backup has")
        assert "the store was" not in made.logs(), "a killed server is no restored one"
        made.valkey.kill()
        shutil.rmtree(data)
        shutil.copytree(tmp_path / "backup", data)
        made.valkey.start()
        told(made, "restored")
        made.settle([bulk], "parked")
        assert notifier.status(other).state is MailState.WAITING
        assert "sent after the backup may go again" in command(made, "check", "--json").stdout


def scheduled(mail_class: str) -> str:
    call = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}, "mail_class": mail_class}
    mail_id: str = notifier.send_email.apply_async(kwargs=call, countdown=600, queue="mail").id
    return mail_id


def pulse(made: Plant) -> int:
    with redis.Redis.from_url(made.valkey.url) as client:
        return int(client.get("notifier:{epoch}:pulse") or 0)
