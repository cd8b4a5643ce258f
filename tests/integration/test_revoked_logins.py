"""A password that worked and was revoked, with real workers whose sessions have ended: how many of their slots log in with it
before all of them know, and what becomes of the mails.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import redis
from workers import Plant, plant, wait_until

import notifier
from notifier import send_bulk
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.tasks.operating import reschedule_all
from notifier.testing import CatchingServer, Script
from notifier.testing.script import Step

WORKERS, SLOTS = 2, 4
# No breaker is half-open before the test says so, and each slot has one mail in hand.
HELD_OPEN = {"NOTIFIER_RETRY_SCALE": "1", "NOTIFIER_ACCOUNT_BREAKER_OPEN": "3600", "NOTIFIER_BATCH": "1"}


class Logins(Script):
    """Counts the logins, and answers them when it is let; takes no mail before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()
        self.answers.set()
        self.mails = threading.Event()
        self.hold(Phase.FINAL_REPLY, self.mails)
        self.count = 0
        self._counting = threading.Lock()

    def for_phase(self, phase: Phase) -> Step:
        if phase is not Phase.AUTH:
            return super().for_phase(phase)
        with self._counting:
            self.count += 1
        return Step(released=self.answers)


def send(count: int) -> list[str]:
    recipients = [{"to": f"n{number}@example.com", "context": {"name": str(number)}} for number in range(count)]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients)]


def untried(ids: list[str]) -> list[str]:
    return [one for one in ids if not notifier.status(one).history]


def under_way(ids: list[str]) -> list[str]:
    return [one for one in ids if notifier.status(one).state is MailState.CLAIMED]


def every_slot_has_a_session(relay: CatchingServer, made: Plant, logins: Logins) -> None:
    """So many have logged in, and their password is known to work."""
    ids = send(40)
    wait_until(lambda: relay.visits.now == WORKERS * SLOTS, "every slot has a session", evidence=made.logs)
    logins.mails.set()
    made.settle(ids, "sent")
    logins.count = 0


def let_half_open(made: Plant) -> None:
    with redis.Redis.from_url(made.valkey.url) as client:
        (opened,) = (key for key in client.scan_iter("notifier:{relay *:breaker:*") if client.hexists(key, "until"))
        client.hset(opened, mapping={"until": 0, "open_for": 3000})


def test_three_slots_of_all_workers_log_in_with_a_password_that_was_revoked(tmp_path: Path) -> None:
    logins = Logins()
    with CatchingServer(credentials={"zoe": "right"}, script=logins) as relay, plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=relay.url.replace("://", "://zoe:right@"), **HELD_OPEN)
        for _ in range(WORKERS):
            made.start_worker(slots=SLOTS)
        every_slot_has_a_session(relay, made, logins)

        relay.stop()
        relay.use_credentials({"zoe": "another"})
        logins.answers.clear()
        relay.start()
        ids = send(300)
        wait_until(lambda: logins.count > 3 or len(untried(ids)) < 290, "others have had their chance to log in")
        logins.answers.set()
        # One that was given back with its batch has a history too, and is claimed once more before it waits for good.
        wait_until(lambda: not untried(ids) and not under_way(ids), "each was tried")
        assert logins.count <= 3
        found = [notifier.status(one) for one in ids]
        assert {(one.state, one.attempt) for one in found} == {(MailState.WAITING, 0)}

        relay.use_credentials({"zoe": "right"})
        let_half_open(made)
        before = len(relay.mailbox)
        assert all(done.error is None for done in reschedule_all(ids, time.time())), "an hour is an hour"
        made.settle(ids, "sent")
        assert len(relay.mailbox) == before + len(ids), "each once"
        assert {notifier.status(one).attempt for one in ids} == {1}
