"""Who is measured, how it is fed, and where its mails go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_PEERS = "benchmarks.end_to_end.peers."


@dataclass(frozen=True, slots=True)
class Peer:
    """``module`` has `enqueue`; ``app`` is for `celery -A`."""

    module: str
    app: str
    ours: bool = False
    mails: bool = True


NOTIFIER = Peer(f"{_PEERS}notifier", "worker", ours=True)
DJANGO = Peer(f"{_PEERS}django_celery_email", f"{_PEERS}django_celery_email")
FLASK = Peer(f"{_PEERS}flask_mail_task", f"{_PEERS}flask_mail_task")
SMTPLIB = Peer(f"{_PEERS}smtplib_task", f"{_PEERS}smtplib_task")
EMPTY = Peer(f"{_PEERS}empty", f"{_PEERS}empty", mails=False)


@dataclass(frozen=True, slots=True)
class Case:
    """``options``: of the relay's URL; ``slots``: children of the worker; ``round_trip``: to the relay, in seconds."""

    peer: Peer
    count: int
    function: str = "enqueue"
    chunking: bool = False
    options: str = ""
    slots: int = 2
    round_trip: float = 0.0


WINDOW = 50  # mails in flight: a whole batch
BULK_DATA, BULK_CHUNKING = "**Notifier**, `send_bulk`, DATA", f"**Notifier**, `send_bulk`, CHUNKING, window={WINDOW}"
SINGLES = "**Notifier**, `send_email.delay()` each, DATA"
NO_TASKS = "tasks that do nothing"
DJANGO_MANY, DJANGO_EACH = "django-celery-email, one `send_messages()`", "django-celery-email, `send()` each"
FLASK_MAIL = "Flask-Mail in a task"
NEW, KEPT = "`smtplib` in a task, a new connection each", "`smtplib` in a task, one kept by each process"


def drained(bulk: int, singles: int, peers: int) -> Mapping[str, Case]:
    """What is drained by a worker with two children."""
    many = "enqueue_many"
    return {
        BULK_DATA: Case(NOTIFIER, bulk, many),
        BULK_CHUNKING: Case(NOTIFIER, bulk, many, chunking=True, options=f"&window={WINDOW}"),
        SINGLES: Case(NOTIFIER, singles),
        NO_TASKS: Case(EMPTY, singles),
        DJANGO_MANY: Case(DJANGO, peers, many),
        DJANGO_EACH: Case(DJANGO, peers),
        FLASK_MAIL: Case(FLASK, peers),
        NEW: Case(SMTPLIB, peers),
        KEPT: Case(SMTPLIB, peers, "enqueue_for_kept"),
    }


FAR_SLOTS, FAR = 8, 0.1
FAR_OURS, FAR_DATA, FAR_KEPT = f"**Notifier**, CHUNKING, window={WINDOW}", "**Notifier**, DATA", KEPT


def far(mails: int, peers: int) -> Mapping[str, Case]:
    """A relay that is 100 ms away, and a worker with eight children."""
    away = {"slots": FAR_SLOTS, "round_trip": FAR}
    return {
        FAR_OURS: Case(NOTIFIER, mails, "enqueue_many", chunking=True, options=f"&window={WINDOW}", **away),  # type: ignore[arg-type]
        FAR_DATA: Case(NOTIFIER, 4 * peers, "enqueue_many", **away),  # type: ignore[arg-type]
        FAR_KEPT: Case(SMTPLIB, peers, "enqueue_for_kept", **away),  # type: ignore[arg-type]
    }
