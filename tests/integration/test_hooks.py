"""Real workers, a real HTTP server, and an application that listens."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from receivers import receiver
from workers import TOP, Plant, plant, wait_until

from notifier import send_email
from notifier.errors import Phase
from notifier.testing import Script

SECRET = "2026-01:a secret of some length"


def send(to: str, mail_class: str = "transactional") -> str:
    mail_id: str = send_email.delay(template="welcome", to=to, context={"name": "Zoë"}, mail_class=mail_class).id
    return mail_id


@contextmanager
def listening(folder: Path, script: Script | None = None) -> Iterator[Plant]:
    """Its workers run the application that listens."""
    with plant(folder, script) as made:
        made.environ |= {"PYTHONPATH": str(TOP / "tests" / "programs"), "LISTENING_FILE": str(folder / "heard")}
        yield made


def heard(made: Plant) -> Counter[tuple[str, str]]:
    file = made.folder / "heard"
    lines = file.read_text().splitlines() if file.exists() else []
    return Counter((name, mail_id) for name, mail_id, _ in map(json.loads, lines))


def test_a_webhook_hears_of_each_mail_what_became_of_it(tmp_path: Path) -> None:
    script = Script().refuse("nobody@example.com").defer_first("later@example.com")
    with (
        receiver() as ours,
        plant(tmp_path, script, NOTIFIER_WEBHOOK_URL=ours.url, NOTIFIER_WEBHOOK_SECRET=SECRET) as made,
    ):
        made.start_worker()
        good, bad, late = send("zoe@example.com"), send("nobody@example.com"), send("later@example.com")
        expected = {good: ["mail_accepted"], bad: ["mail_failed"], late: ["mail_deferred", "mail_accepted"]}
        wait_until(lambda: {one: ours.names(one) for one in expected} == expected, "all of it is told")
        assert "example.com" not in b"".join(one.body for one in ours.heard).decode()


def test_a_webhook_that_is_down_is_in_nobodys_way_and_hears_it_all_later(tmp_path: Path) -> None:
    with receiver(503, 503, 200) as ours:
        given = {"NOTIFIER_WEBHOOK_URL": ours.url, "NOTIFIER_WEBHOOK_SECRET": SECRET}
        with plant(tmp_path, **given) as made:
            made.start_worker()
            ids = [send(f"u{number}@example.com") for number in range(20)]
            made.settle(ids, "sent")
            wait_until(lambda: all("mail_accepted" in ours.names(one) for one in ids), "all of it is told")
            assert "the webhook is told again in" in made.logs()
            assert "localhost answered 503" in made.logs()
            assert "a secret of some length" not in made.logs()


def test_signals_reach_the_application_and_what_a_receiver_raises_is_logged(tmp_path: Path) -> None:
    script = Script().refuse("nobody@example.com").defer_first("later@example.com")
    with listening(tmp_path, script) as made:
        made.start_worker(app="listening")
        good, bad, late = send("zoe@example.com"), send("nobody@example.com"), send("later@example.com")
        expected = {
            ("mail_accepted", good): 1,
            ("mail_failed", bad): 1,
            ("mail_deferred", late): 1,
            ("mail_accepted", late): 1,
        }
        wait_until(lambda: heard(made) == expected, "the application has heard it all")
        assert f"the application does not like mail {good}" in made.logs()


def test_what_the_sweeper_calls_unknown_reaches_the_application(tmp_path: Path) -> None:
    script = Script().hold(Phase.FINAL_REPLY, threading.Event(), times=1)
    with listening(tmp_path, script) as made:
        worker = made.start_worker(app="listening", slots=1)
        mail_id = send("zoe@example.com", "bulk")
        wait_until(lambda: made.taken(mail_id), "its reply is awaited")
        made.lose(worker)
        made.start_worker("-Q", "mail,mail.bulk,mail.urgent", app="listening", slots=1)
        made.settle([mail_id], "parked")
        wait_until(lambda: heard(made)["mail_unknown", mail_id] == 1, "the application has heard it")
