"""A code that comes after its time is worse than none: workers that are stopped past the expiry, and relays that are slow."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from workers import Plant, plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import Phase
from notifier.model.state import MailState
from notifier.testing import Script

SHORT = 2.0  # seconds that a code is good for
script = Script()


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("late"), script) as made:
        # A fresh connection for each: between its claim and its dot a mail then waits for the greeting.
        made.use(NOTIFIER_SMTP_URL=f"{made.server.url}&messages_per_connection=1")
        made.start_worker(slots=1)
        yield made


def send_code(expires: float = SHORT) -> str:
    call = {"template": "welcome", "to": "zoe@example.com", "context": {"name": "Zoë"}, "mail_class": "otp"}
    mail_id: str = send_email.apply_async(kwargs=call, expires=expires).id
    return mail_id


def end_its_time(works: Plant, mail_id: str) -> None:
    """Now, as far as the ledger knows. It was sent for longer, so that no worker is too late for it by itself."""
    with redis.Redis.from_url(works.valkey.url) as client:
        key = f"notifier:{{{notifier.status(mail_id).queue}}}:mail:{mail_id}"
        assert client.hset(key, "deadline", int(time.time() * 1000)) == 0, "it had one before"


def check_that_it_expired(works: Plant, mail_id: str) -> None:
    works.settle([mail_id], "expired")
    assert notifier.status(mail_id).history[-1]["why"] == "its deadline passed"
    works.settle([send_code(60.0)], "sent")  # what comes after it goes
    assert not any(mail_id in mail.message_id for mail in works.server.mailbox)


def test_a_code_that_waited_for_a_stopped_worker_is_not_sent(works: Plant) -> None:
    (worker,) = works.workers
    worker.signal_group(signal.SIGSTOP)
    mail_id = send_code()
    wait_until(lambda: time.time() > notifier.status(mail_id).created_at + SHORT, "its time is over")
    worker.signal_group(signal.SIGCONT)
    check_that_it_expired(works, mail_id)


def test_a_worker_that_is_stopped_between_the_claim_and_the_dot_does_not_send_it_later(works: Plant) -> None:
    (worker,) = works.workers
    greets = threading.Event()
    script.hold(Phase.GREETING, greets, times=1)
    mail_id = send_code(600.0)
    wait_until(lambda: notifier.status(mail_id).state is MailState.CLAIMED, "a worker has it")
    worker.signal_group(signal.SIGSTOP)
    end_its_time(works, mail_id)
    worker.signal_group(signal.SIGCONT)
    greets.set()
    check_that_it_expired(works, mail_id)


def test_a_code_that_a_slow_relay_would_take_too_late_is_not_sent(works: Plant) -> None:
    greets = threading.Event()
    script.hold(Phase.GREETING, greets, times=1)
    mail_id = send_code()
    wait_until(lambda: time.time() > notifier.status(mail_id).created_at + SHORT, "its time is over")
    greets.set()
    check_that_it_expired(works, mail_id)
