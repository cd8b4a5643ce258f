"""The bell is harmless: few of them, none needed twice, a lost one is a delay of one sweep."""

from __future__ import annotations

import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from workers import TOP, Plant, plant, wait_until

from notifier import send_email
from notifier.errors import Phase
from notifier.tasks.bells import ring
from notifier.testing import Script


def welcome(to: str) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}}


def in_broker(made: Plant, queue: str = "mail") -> int:
    """Messages that lie in the broker's queue, unread."""
    with redis.Redis.from_url(made.valkey.url) as client:
        return int(client.llen(queue))


def arrived(made: Plant) -> Counter[str]:
    """How often each recipient was mailed, those of the busy slots apart."""
    recipients = (mail.recipients[0] for mail in made.server.mailbox)
    return Counter(recipient for recipient in recipients if not recipient.startswith("busy"))


@contextmanager
def published(made: Plant) -> Iterator[list[bytes]]:
    """Every bell that is pushed to the queue, as the server itself sees it (MONITOR)."""
    seen: list[bytes] = []
    with socket.create_connection(("127.0.0.1", made.valkey.port)) as connection:
        connection.sendall(b"MONITOR\r\n")
        connection.recv(16)

        def listen() -> None:
            rest = b""
            while octets := connection.recv(1 << 20):
                *lines, rest = (rest + octets).split(b"\r\n")
                seen.extend(line for line in lines if b'"LPUSH" "mail"' in line and b"notifier.bell" in line)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield seen
        connection.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_two_thousand_calls_while_two_slots_are_busy_leave_at_most_one_bell_a_slot(tmp_path: Path) -> None:
    never = threading.Event()
    script = Script().hold(Phase.FINAL_REPLY, never, times=2)  # a relay that does not answer holds each slot
    with plant(tmp_path, script, NOTIFIER_DURABILITY="aof") as made:
        busy = made.start_worker(slots=2)
        for n in range(2):
            sent = send_email.delay(**welcome(f"busy{n}@example.com")).id
            wait_until(
                lambda sent=sent: made.taken(sent), "the slot is busy"
            )  # a bell is answered before its mails are claimed
        depths = []
        with published(made) as bells:
            for n in range(2_000):
                send_email.delay(**welcome(f"u{n}@example.com"))
                if n % 100 == 0:
                    depths.append(in_broker(made))
            depths.append(in_broker(made))
        assert max(depths) <= 2
        assert len(bells) <= 2
        busy.kill()  # and the bells with it: whatever was lost is rung again
        made.start_worker(slots=2)
        wait_until(lambda: arrived(made).total() >= 2_000, "every waiting mail is sent")
        assert arrived(made) == {f"u{n}@example.com": 1 for n in range(2_000)}


def test_a_bell_that_died_with_its_worker_delays_mail_by_one_sweep(tmp_path: Path) -> None:
    """The BRPOP window of the broker, hit on purpose: the frozen worker was handed the bell and is killed with it."""
    with plant(tmp_path) as made:
        made.environ["PYTHONPATH"] = f"{TOP}:{TOP / 'tests'}"
        first = made.start_worker(app="programs.waits_long")
        wait_until(made.blocked_in_brpop, "the main process waits in BRPOP")
        first.signal(signal.SIGSTOP)  # it is handed the next message all the same
        stored = [send_email.delay(**welcome(f"lost{n}@example.com")).id for n in range(5)]
        wait_until(lambda: in_broker(made) == 0, "the frozen worker was handed the bell")
        first.kill()
        made.start_worker()
        made.settle(stored, "sent")
        assert len(made.server.mailbox) == 5


def test_a_bell_that_is_lost_altogether_is_rung_again_by_the_sweeper(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        stored = [send_email.delay(**welcome(f"purged{n}@example.com")).id for n in range(5)]
        with redis.Redis.from_url(made.valkey.url) as client:
            assert client.delete("mail") == 1
        made.start_worker()
        made.settle(stored, "sent")


def test_bells_that_are_doubled_fifty_times_harm_nothing(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        stored = [send_email.delay(**welcome(f"doubled{n}@example.com")).id for n in range(50)]
        ring("mail", [f"stray-{n}" for n in range(50)])
        made.start_worker()
        made.settle(stored, "sent")
        wait_until(lambda: in_broker(made) == 0, "every stray bell is answered")
        assert len(made.server.mailbox) == 50
