"""Broker, store or relay away: calls fail at once with what to do, and mails that were accepted wait."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from running_clock import RunningClock
from workers import plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import BrokerUnavailable, StoreUnavailable
from notifier.model.state import MailState
from notifier.settings import Settings
from notifier.tasks.app import use_settings
from notifier.tasks.bells import gate
from notifier.testing import EmbeddedValkey


def welcome(to: str) -> dict[str, object]:
    return {"template": "welcome", "to": to, "context": {"name": "Zoë"}}


def test_a_relay_that_is_down_keeps_mails_waiting_until_it_is_back(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.start_worker()
        made.server.stop()
        ids = [send_email.delay(**welcome(f"down{n}@example.com")).id for n in range(20)]
        wait_until(lambda: all(notifier.status(one).history for one in ids), "each was tried")
        states = {notifier.status(one).state for one in ids}
        assert states <= {MailState.WAITING, MailState.CLAIMED}
        assert {notifier.status(one).attempt for one in ids} == {0}, "nothing was handed over: no attempt is spent"
        made.server.start()
        made.settle(ids, "sent")
        assert len(made.server.mailbox) == 20


LINK = "https://x.example/?token=canary-7f3a"


def test_secrets_are_in_no_log(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.start_worker()
        result = send_email.delay(
            template="welcome", to="secret@example.com", context={"name": "canary-name", "action_url": LINK}
        )
        result.get(timeout=30)
        bad = send_email.delay(template="welcome", to="s@example.com", context={"name": "x", "action_url": LINK + " "})
        bad.get(timeout=30, propagate=False)
        assert "canary" not in made.logs()
        assert "canary" not in repr(notifier.status(bad.id))


def test_a_broker_that_is_down_fails_the_call_with_what_to_do(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        made.valkey.kill()
        with pytest.raises((BrokerUnavailable, StoreUnavailable), match="Start it, or set NOTIFIER_"):
            send_email.delay(**welcome("a@example.com"))


def test_a_store_that_goes_down_later_fails_the_call_with_what_to_do(tmp_path: Path) -> None:
    with plant(tmp_path) as made:
        send_email.delay(**welcome("a@example.com"))
        made.valkey.kill()
        with pytest.raises(StoreUnavailable, match="NOTIFIER_STORE_URL") as error:
            send_email.delay(**welcome("a@example.com"))
        assert "redis://127.0.0.1" in str(error.value)
        made.valkey.start()
        assert notifier.status(send_email.delay(**welcome("b@example.com")).id).state is MailState.WAITING


@pytest.mark.parametrize("known", [False, True], ids=["first call", "later call"])
def test_a_store_that_is_frozen_fails_the_call_within_five_seconds(tmp_path: Path, known: bool) -> None:
    with plant(tmp_path) as made:
        if known:
            send_email.delay(**welcome("a@example.com"))
        made.valkey.signal(signal.SIGSTOP)
        try:
            with RunningClock() as clock, pytest.raises((BrokerUnavailable, StoreUnavailable)):
                send_email.delay(**welcome("a@example.com"))
        finally:
            made.valkey.signal(signal.SIGCONT)
        assert clock.seconds < 5.5, "the promise is a bound, not a speed"


@pytest.fixture
def swallowing(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A name with two addresses that answer to nothing: their queues of connections are full."""
    with ExitStack() as stack:
        one = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = one.getsockname()[1]
        other = stack.enter_context(socket.create_server(("127.0.0.2", port), backlog=0))
        for server in (one, other):
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(server.getsockname())
        ask = socket.getaddrinfo

        def found(host: object, *more: object, **others: object) -> list[object]:
            if host != "two.example":
                return list(ask(host, *more, **others))  # type: ignore[arg-type]
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.1", "127.0.0.2")
            ]

        monkeypatch.setattr(socket, "getaddrinfo", found)
        yield f"redis://two.example:{port}/0"


@pytest.mark.parametrize("what", ["BROKER", "STORE"])
def test_two_addresses_that_swallow_what_comes_fail_the_call_within_five_seconds(
    tmp_path: Path, swallowing: str, what: str
) -> None:
    with plant(tmp_path) as made:
        urls = {"NOTIFIER_BROKER_URL": made.valkey.url, "NOTIFIER_STORE_URL": made.valkey.url}
        gate.suspect()
        use_settings(Settings.load({**urls, f"NOTIFIER_{what}_URL": swallowing}))
        with RunningClock() as clock, pytest.raises((BrokerUnavailable, StoreUnavailable)):
            send_email.delay(**welcome("a@example.com"))
        assert clock.seconds < 5.5, "the promise is a bound, not a speed"
        gate.suspect()


def test_a_bell_that_cannot_be_published_fails_nothing_that_is_stored(tmp_path: Path) -> None:
    """The broker is another server than the store here, and goes away after the first call."""
    with plant(tmp_path) as made, EmbeddedValkey() as broker:
        environ = {name: value for name, value in made.environ.items() if name.startswith("NOTIFIER_")}
        both = {**environ, "NOTIFIER_BROKER_URL": broker.url, "NOTIFIER_STORE_URL": made.valkey.url}
        gate.suspect()
        use_settings(Settings.load(both))
        gate.ensure()
        broker.kill()
        stored = send_email.delay(**welcome("a@example.com"))
        assert notifier.status(stored.id).state is MailState.WAITING
        with pytest.raises(BrokerUnavailable, match="Nothing was stored"):
            send_email.delay(**welcome("b@example.com"))
