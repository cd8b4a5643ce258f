"""A relay that is dead holds up its own mails alone: real workers, two slots, and nine accounts whose relays are well (fault 82).

The dead one would be waited for as long as a test may take. So that the others' mails are sent at all shows that
nobody of theirs waits for it, and that one connection is being made shows that a slot is free for them.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from real_servers.ground import held_ports
from workers import TOP, Plant, plant

import notifier
from notifier import send_bulk
from notifier.model.state import MailState
from notifier.tasks.runtime import runtime
from notifier.testing import CatchingServer

# Longer than any test; nobody retries a connection that is still being made.
FOR_EVER = "timeout_connect=300&timeout_greeting=300"
WELL = 9


def accounts(dead: str, well: list[str]) -> str:
    """Ten, in the tenants file: each sends as the domain that is called like it."""
    urls = {"dead": dead, **{f"well{number}": url for number, url in enumerate(well)}}
    tables = [f'[accounts.{name}]\nsmtp_url = "{url}"\n' for name, url in urls.items()]
    rows = ", ".join(f'{{ as = "{name}.example", through = "{name}" }}' for name in urls)
    return "".join([*tables, f"[tenants.shop]\nsend = [{rows}]\n"])


@contextmanager
def mute() -> Iterator[int]:
    """Accepts, and never greets."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    accepted.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for one in accepted:
                one.close()


@contextmanager
def silent() -> Iterator[int]:
    """The system throws away every SYN, for the backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            yield listener.getsockname()[1]


@contextmanager
def refusing() -> Iterator[int]:
    """Nobody listens."""
    with held_ports(1) as (port,):
        yield port


def send(sender: str, count: int) -> list[str]:
    recipients = [{"to": f"n{number}@example.com", "context": {"name": "Zoë"}} for number in range(count)]
    return [row.result.id for row in send_bulk(template="welcome", recipients=recipients, sender=sender, tenant="shop")]


@contextmanager
def beside_a_dead_one(folder: Path, dead: Callable[[], AbstractContextManager[int]]) -> Iterator[tuple[Plant, int]]:
    """No worker yet; the dead relay's port."""
    tenants = folder / "tenants.toml"
    with plant(folder) as made, dead() as port, ExitStack() as stack:
        well = [stack.enter_context(CatchingServer(starttls=False)).url for _ in range(WELL)]
        tenants.write_text(accounts(f"smtp://127.0.0.1:{port}?tls=none&{FOR_EVER}", well))
        made.use(NOTIFIER_TENANTS=str(tenants))
        yield made, port


def send_to_all() -> tuple[list[str], list[str]]:
    """Mails to the dead one, and to the others."""
    waiting: list[str] = []
    others: list[str] = []
    for _ in range(5):
        waiting += send("a@dead.example", 10)
        others += [one for number in range(WELL) for one in send(f"a@well{number}.example", 2)]
    return waiting, others


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
@pytest.mark.parametrize("dead", [mute, silent, refusing])
def test_a_dead_relay_holds_up_its_own_mails_alone(
    dead: Callable[[], AbstractContextManager[int]], pool: str, tmp_path: Path
) -> None:
    with beside_a_dead_one(tmp_path, dead) as (made, port):
        made.start_worker("-P", pool)
        waiting, others = send_to_all()
        made.settle(others, "sent")
        assert runtime().store.relay_figures.connections(f"127.0.0.1:{port}").live <= 1
        found = [notifier.status(one) for one in waiting]
        assert {one.state for one in found} <= {MailState.WAITING, MailState.CLAIMED}
        assert {one.attempt for one in found} == {0}, "no mail is to blame"


@pytest.mark.parametrize("dead", [mute, silent])
def test_whoever_waits_for_his_turn_there_lets_go_when_all_slots_are_at_work(
    dead: Callable[[], AbstractContextManager[int]], tmp_path: Path
) -> None:
    """One of the two connects, the other one would wait for an hour."""
    with beside_a_dead_one(tmp_path, dead) as (made, _):
        made.environ["PYTHONPATH"] = f"{TOP}:{TOP / 'tests'}"
        made.start_worker(app="programs.patient")
        _, others = send_to_all()
        made.settle(others, "sent")
