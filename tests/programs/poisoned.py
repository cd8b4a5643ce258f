"""A worker for which some mails are poison, each in its own way: ``celery -A programs.poisoned worker``.

The mail's context says how: ``{"poison": "segfault"}``. TIME_LIMITS are the soft one and the hard one, in seconds.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from celery.signals import task_postrun, task_prerun
from workers import Plant

from notifier.delivery.composer import Composer
from notifier.model.email import Email
from notifier.model.envelope import MailObject
from notifier.store.base import Turn
from notifier.store.redis_store import RedisStore
from notifier.tasks.soft_limit import SoftLimit
from notifier.tasks.worker import create_worker_app

ROOM = 400 * 2**20  # octets of address space that a child may take beyond what it has

SOFT, HARD = map(float, os.environ["TIME_LIMITS"].split())

app = create_worker_app()
app.conf.update(task_soft_time_limit=SOFT, task_time_limit=HARD)  # shorter than a start with them would be allowed


def killed() -> None:
    """As by the kernel when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang() -> None:
    """As in C code that hears no signal: only the hard time limit ends it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    while True:
        time.sleep(1)


def no_memory() -> None:
    raise MemoryError


POISONS: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "killed": killed,
    "hang": hang,
    "no memory": no_memory,
}

compose, begin_dot, both = Composer.compose, RedisStore.begin_dot, RedisStore.settle_and_begin_dot
strike = SoftLimit._strike


def compose_or_die(self: Composer, email: Email, *args: Any, **more: Any) -> MailObject:
    POISONS.get(str(email.context.get("poison")), lambda: None)()
    return compose(self, email, *args, **more)


def begin_dot_and_freeze(self: RedisStore, claims: Any) -> None:
    begin_dot(self, claims)
    freeze_where_asked(claims)


def settle_and_begin_dot_and_freeze(self: RedisStore, settlements: Any, claims: Any) -> Turn:
    turn = both(self, settlements, claims)
    freeze_where_asked(claims)
    return turn


def freeze_where_asked(claims: Any) -> None:
    if any(claim.email.context.get("poison") == "frozen at the dot" and claim.fence == 1 for claim in claims):
        os.kill(os.getpid(), signal.SIGSTOP)


def strike_and_tell(self: SoftLimit, number: int, frame: FrameType | None) -> None:
    """Celery tells it a moment before it strikes."""
    strike(self, number, frame)
    os.write(2, b"the soft time limit has struck at a dot\n")  # what it has interrupted may hold a log's lock


Composer.compose = compose_or_die  # type: ignore[method-assign]
SoftLimit._strike = strike_and_tell  # type: ignore[method-assign]
RedisStore.begin_dot = begin_dot_and_freeze  # type: ignore[method-assign]
RedisStore.settle_and_begin_dot = settle_and_begin_dot_and_freeze  # type: ignore[method-assign]


@task_prerun.connect
def bound_memory(**_: Any) -> None:
    """As prlimit or a unit's LimitAS do."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    bound = pages * resource.getpagesize() + ROOM
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


@task_postrun.connect
def leave_nothing_in_hand(**_: Any) -> None:
    """What a bell has claimed and not settled waits for the end of a lease, and the test need not."""
    Plant.lapse(lambda pid: pid == os.getpid())
