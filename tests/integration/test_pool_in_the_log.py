"""The life of a pool as an operator reads it in a worker's log, and what must never stand there."""

from __future__ import annotations

import base64
import re
import signal
import threading
from pathlib import Path

from workers import Plant, plant, wait_until

from notifier import send_bulk
from notifier.errors import Phase
from notifier.testing import CatchingServer, Script

SECRET = "canary-Zs1f-7Kq"


def send(count: int) -> list[str]:
    recipients = [{"to": f"n{number}@example.com", "context": {"name": str(number)}} for number in range(count)]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients) if row.result]


def url(server: CatchingServer, password: str) -> str:
    return f"{server.url.replace('://', f'://zoe:{password}@')}&pool=1&messages_per_connection=20"


def appears(made: Plant, *patterns: str) -> None:
    for pattern in patterns:
        wait_until(lambda pattern=pattern: re.search(pattern, made.logs()) is not None, f"{pattern} in the log")


def disguises(secret: str) -> list[str]:
    """As it stands in the URL, and as AUTH PLAIN and LOGIN say it."""
    return [secret, *(base64.b64encode(text.encode()).decode() for text in (secret, f"\0zoe\0{secret}"))]


def test_a_pool_can_be_followed_and_tells_no_secret(tmp_path: Path) -> None:
    slow = Script().delay(Phase.FINAL_REPLY, 0.01)
    out_of_patience = threading.Event()
    with (
        CatchingServer(credentials={"zoe": SECRET}, script=slow, patience=out_of_patience) as relay,
        plant(tmp_path) as made,
    ):
        made.use(NOTIFIER_SMTP_URL=url(relay, SECRET), NOTIFIER_BATCH="3", NOTIFIER_BREAKER_FAILURES="100")
        worker = made.start_worker("-P", "threads", "-l", "DEBUG", slots=3)
        made.settle(send(1), "sent")  # the login is known to work
        made.settle(send(60), "sent")
        appears(
            made,
            r"session 1 to 127.0.0.1:\d+ opened in [\d.]+ s, TLSv1.3",
            r"session \d+ to \S+ reused after \d+ mails",
            r"session \d+ to \S+ retired \(uses\) after 20 mails",
            r"a session to \S+ was waited for, \d",
        )
        out_of_patience.set()
        wait_until(lambda: relay.visits.now == 0, "the relay has left who was silent")
        out_of_patience.clear()
        made.settle(send(3), "sent")
        relay.stop()  # without a word
        ids = send(1)
        appears(
            made,
            r"retired \(said_421\) after \d+ mails",
            r"retired \(peer_closed\) after 3 mails",
            r"no session to \S+ opened after [\d.]+ s: .*[Cc]onnection refused",
        )
        relay.start()
        made.settle(ids, "sent")
        worker.signal(signal.SIGTERM)
        wait_until(lambda: not worker.running, "the worker ends by itself")
        appears(made, r"retired \(closed\) after 1 mails")
        made.use(NOTIFIER_SMTP_URL=url(relay, f"wrong-{SECRET}"))
        made.start_worker("-l", "DEBUG", slots=1)
        send(1)
        appears(made, r"no session to \S+ opened after [\d.]+ s: .*535")
        assert [word for word in (*disguises(SECRET), *disguises(f"wrong-{SECRET}")) if word in made.logs()] == []
