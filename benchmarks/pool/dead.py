"""One relay of ten is dead: how long the mails of the nine others take. `python -m benchmarks.pool.dead HOW COUNT` runs one round.

A real worker with two processes, as it is shipped: while one of them connects to the dead relay, the other is all there is.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.pool.rounds import Measured, Tell, Trouble, said_by
from benchmarks.pool.stories import Figures
from benchmarks.processes import rest, until, worker
from notifier import send_email
from notifier.settings import Settings
from notifier.tasks.app import use_settings
from notifier.testing import CatchingServer, EmbeddedValkey

HOST = "127.0.0.1"
WELL, SLOTS = 9, 2
RATE = 20  # mails a second to all ten: what two slots do with ease
WARM = 60  # mails to the nine before: the sessions are open, the template is in use


@contextmanager
def a_relay_that_is_well() -> Iterator[str]:
    """One more of them."""
    with CatchingServer(starttls=False) as server:
        yield server.url


@contextmanager
def one_that_never_greets() -> Iterator[str]:
    """The system accepts, and nobody comes for the connection."""
    with socket.create_server((HOST, 0), backlog=128) as listener:
        yield _url(listener)


@contextmanager
def one_that_swallows_packets() -> Iterator[str]:
    """The backlog is full, so that the system throws away every SYN."""
    with socket.create_server((HOST, 0), backlog=0) as listener, socket.create_connection(listener.getsockname()):
        yield _url(listener)


@contextmanager
def one_that_refuses() -> Iterator[str]:
    """Nobody listens."""
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        yield _url(nobody)


def _url(at: socket.socket) -> str:
    return f"smtp://{HOST}:{at.getsockname()[1]}?tls=none"


ALL_WELL = "is well"
TENTH: Mapping[str, Callable[[], AbstractContextManager[str]]] = {
    ALL_WELL: a_relay_that_is_well,
    "never greets": one_that_never_greets,
    "swallows packets": one_that_swallows_packets,
    "refuses": one_that_refuses,
}


def measure(count: int, rounds: int, tell: Tell) -> Mapping[str, Measured]:
    """Each kind with so many mails, in each round."""
    found = {kind: Measured() for kind in TENTH}
    for number in range(rounds):
        tell(f"a dead relay, round {number + 1} of {rounds}")
        for kind, measured in found.items():
            if measured.trouble is not None:
                continue
            try:
                measured.runs.append(json.loads(said_by("benchmarks.pool.dead", kind, str(count))))
            except Trouble as trouble:
                measured.trouble = str(trouble)
    return found


def one_round(kind: str, count: int) -> Figures:
    """Seconds from the call to the relay's acceptance, of the mails to the nine."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        valkey = stack.enter_context(EmbeddedValkey())
        well = [stack.enter_context(CatchingServer(starttls=False)) for _ in range(WELL)]
        tenth = stack.enter_context(TENTH[kind]())
        tenants = folder / "tenants.toml"
        tenants.write_text(_accounts([server.url for server in well] + [tenth]))
        settings = {"NOTIFIER_TENANTS": str(tenants), "NOTIFIER_BROKER_URL": valkey.url}
        use_settings(Settings.load({**settings, "NOTIFIER_SMTP_URL": tenth, "NOTIFIER_JOURNAL": str(folder / "calls")}))
        process = stack.enter_context(worker(valkey.url, tenth, slots=SLOTS, more=settings))
        warm = min(WARM, count)
        _send(warm, WELL)
        _arrived(well, warm)
        rest([process.pid])
        called = _send(count, WELL + 1)
        theirs = {to: at for number, (to, at) in enumerate(called.items()) if number % (WELL + 1) < WELL}
        _arrived(well, warm + len(theirs))
        took = sorted(
            mail.received_at - theirs[to] for server in well for mail in server.mailbox for to in mail.recipients if to in theirs
        )  # fmt: skip
        if len(took) != len(theirs):
            raise RuntimeError(f"{len(took)} mails arrived of {len(theirs)}")
        return {"mails": len(took), "median": median(took), "p99": took[99 * len(took) // 100], "max": took[-1]}


def _accounts(urls: Sequence[str]) -> str:
    """A tenants file: each relay sends as a domain of its own."""
    tables = [f'[accounts.relay{number}]\nsmtp_url = "{url}"\n' for number, url in enumerate(urls)]
    rows = ", ".join(f'{{ as = "relay{number}.example", through = "relay{number}" }}' for number in range(len(urls)))
    return "".join([*tables, f"[tenants.shop]\nsend = [{rows}]\n"])


def _send(count: int, relays: int) -> dict[str, float]:
    """One mail after the other, to each relay in turn; whom to, and when."""
    called: dict[str, float] = {}
    begins = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begins + number / RATE - time.monotonic()))
        to, sender = f"n{number}.of.{relays}@example.com", f"x@relay{number % relays}.example"
        called[to] = time.time()
        send_email.delay(template="welcome", to=to, context={"name": "Zoë"}, sender=sender, tenant="shop")
    return called


def _arrived(servers: Sequence[CatchingServer], count: int) -> None:
    until(lambda: sum(len(server.mailbox) for server in servers) >= count, "the mails of the nine arrive")


if __name__ == "__main__":
    print(json.dumps(one_round(sys.argv[1], int(sys.argv[2]))))
