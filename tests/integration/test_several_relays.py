"""Several relays, and relays that fail, with real workers and servers: what waits, what goes on, what is asked of whom."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers import Plant, plant, wait_until

import notifier
from notifier import send_bulk, send_email
from notifier.model.state import MailState
from notifier.testing import CatchingServer, HostileServer, Refuse
from notifier.testing.hostile import Moment

# No probe knocks before a test is over.
OPEN_FOR_LONG = {"NOTIFIER_RETRY_SCALE": "1", "NOTIFIER_BREAKER_OPEN": "3600"}


def welcome(to: str) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}}


def send(count: int) -> list[str]:
    recipients = [{"to": f"n{number}@example.com", "context": {"name": str(number)}} for number in range(count)]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients)]


def tried(ids: list[str]) -> bool:
    return all((found := notifier.status(one)) is not None and found.history for one in ids)


@contextmanager
def two_relays(folder: Path, join: str) -> Iterator[tuple[Plant, CatchingServer]]:
    """``join`` is what stands between the URLs. The plant's own server comes second."""
    with CatchingServer() as first, plant(folder) as made:
        made.use(NOTIFIER_SMTP_URL=f"{first.url}{join}{made.server.url}")
        yield made, first


def test_the_second_relay_takes_over_where_the_first_is_down_and_gives_back_when_it_is_up(tmp_path: Path) -> None:
    with two_relays(tmp_path, " ") as (made, first):
        made.start_worker()
        made.settle(send(10), "sent")
        assert (len(first.mailbox), len(made.server.mailbox)) == (10, 0)
        first.stop()
        ids = send(30)
        made.settle(ids, "sent")
        assert len(made.server.mailbox) == 30
        assert {notifier.status(one).attempt for one in ids} == {1}, "the relay that was down cost no attempt"
        first.start()

        def first_is_in_use() -> bool:
            made.settle(send(1), "sent")
            return len(first.mailbox) > 10

        wait_until(first_is_in_use, "the first relay is used again")


def test_relays_of_one_tier_share_the_mails_by_their_weights(tmp_path: Path) -> None:
    """Three to one of two hundred: 30 more or less is what happens once in a million times."""
    with two_relays(tmp_path, "&weight=3,") as (made, first):
        made.use(NOTIFIER_BATCH="1")
        for _ in range(2):
            made.start_worker()
        made.settle(send(200), "sent")
        assert len(first.mailbox) + len(made.server.mailbox) == 200
        assert 120 <= len(first.mailbox) <= 180


def test_of_relays_that_share_one_may_be_down(tmp_path: Path) -> None:
    with two_relays(tmp_path, ",") as (made, first):
        first.stop()
        made.start_worker()
        made.settle(send(50), "sent")
        assert len(made.server.mailbox) == 50


def test_a_wrong_password_is_tried_three_times_in_five_minutes_at_most(tmp_path: Path) -> None:
    """A thousand waiting mails must not lock the account out (row A1), and two workers must not try it twice as often."""
    refusal = {Moment.AUTH: Refuse("535 5.7.8 Error: authentication failed")}
    with HostileServer(refusal, offers=("AUTH PLAIN", "PIPELINING")) as server, plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=f"smtp://zoe:wrong@127.0.0.1:{server.port}?tls=none", NOTIFIER_RETRY_SCALE="1")
        for _ in range(2):
            made.start_worker(slots=2)
        ids = send(1000)
        wait_until(lambda: tried(ids), "each was tried")
        assert sum(b"AUTH" in heard for heard in server.heard) <= 3
        found = [notifier.status(one) for one in ids]
        assert {one.state for one in found} == {MailState.WAITING}
        assert {one.attempt for one in found} == {0}, "no mail is to blame"
        assert "wrong" not in made.logs().replace("authentication", "")


class ClosesAtOnce:
    """Accepts, counts, closes: a relay that is overloaded before it says a word (row C5)."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ClosesAtOnce:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()


def test_a_thousand_mails_for_a_relay_that_is_down_knock_a_few_times_and_spend_no_attempt(tmp_path: Path) -> None:
    with ClosesAtOnce() as relay, plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=f"smtp://127.0.0.1:{relay.port}", **OPEN_FOR_LONG)
        made.start_worker(slots=4)
        ids = send(1000)
        wait_until(lambda: tried(ids), "each was tried")
        assert relay.connections <= 5 + 3, "five in a row open the breaker; three slots may be under way then"
        found = [notifier.status(one) for one in ids]
        assert {one.state for one in found} == {MailState.WAITING}
        assert {one.attempt for one in found} == {0}


def test_two_workers_share_what_one_has_learned(tmp_path: Path) -> None:
    with ClosesAtOnce() as relay, plant(tmp_path) as made:
        made.use(NOTIFIER_SMTP_URL=f"smtp://127.0.0.1:{relay.port}", **OPEN_FOR_LONG)
        made.start_worker(slots=1)
        first = send(400)
        wait_until(lambda: tried(first), "each was tried")
        known = relay.connections
        made.workers.pop().stop()
        made.start_worker(slots=1)
        second = send(100)
        wait_until(lambda: tried(second), "each was tried")
        assert relay.connections == known, "the other worker has not knocked"


def test_one_mail_is_delivered_by_the_probe_when_the_relay_is_back(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.start_worker()
        made.server.stop()
        ids = send(20)
        wait_until(lambda: tried(ids), "each was tried")
        made.server.start()
        made.settle(ids, "sent")
        assert send_email.delay(**welcome("z@example.com")).get(timeout=60).state is MailState.SENT
