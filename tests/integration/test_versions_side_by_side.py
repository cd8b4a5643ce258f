"""Workers of two versions on one store, as in every rolling deployment: what one cannot read it keeps for the other."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import redis
from workers import TOP, Plant, plant, wait_until

import notifier
from notifier import send_email
from notifier.model.state import MailState
from notifier.tasks import presence
from notifier.tasks.runtime import runtime


def send(to: str, **more: object) -> str:
    mail_id: str = send_email.apply_async(
        kwargs={"template": "welcome", "to": to, "context": {"name": "Zoë"}}, **more
    ).id
    return mail_id


def send_by_a_newer_one(works: Plant, to: str) -> str:
    """Its payload has another version, and a field that nobody here has heard of."""
    mail_id = send(to, countdown=3600)
    with redis.Redis.from_url(works.valkey.url) as client:
        key = f"notifier:{{mail}}:mail:{mail_id}"
        payload = json.loads(client.hget(key, "payload"))
        client.hset(key, "payload", json.dumps({**payload, "v": 999, "new": "what is not known yet"}))
    runtime().store.reschedule(mail_id, time.time())
    return mail_id


def check_that_each_arrived_once(works: Plant, *recipients: str) -> None:
    assert sorted(path for mail in works.server.mailbox for path in mail.recipients) == sorted(recipients)


def test_an_older_worker_keeps_what_it_cannot_read_and_a_newer_one_sends_both(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.environ |= {"PYTHONPATH": str(TOP / "tests" / "programs")}
        older = made.start_worker(slots=1)
        new = send_by_a_newer_one(made, "new@example.com")
        made.settle([send("old-1@example.com")], "sent")
        wait_until(lambda: "version 999" in str(notifier.status(new).history[-1:]), "the older worker has met it")
        kept = notifier.status(new)
        assert (kept.state, kept.attempt, kept.crashes) == (MailState.WAITING, 0, 0)
        assert "payload version 999 is not known here" in kept.history[-1]["why"]

        made.start_worker(app="newer", slots=1)
        both_versions = {presence.VERSION, "999.0"}
        wait_until(lambda: {one.version for one in runtime().store.workers()} == both_versions, "both are known")
        older.signal_group(signal.SIGSTOP)
        runtime().store.reschedule(new, time.time())
        made.settle([new, send("old-2@example.com")], "sent")
        older.signal_group(signal.SIGCONT)
        made.settle([send(f"both-{number}@example.com") for number in range(20)], "sent")
        both = [f"both-{number}@example.com" for number in range(20)]
        check_that_each_arrived_once(made, "old-1@example.com", "old-2@example.com", "new@example.com", *both)
