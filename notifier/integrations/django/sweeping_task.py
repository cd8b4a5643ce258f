"""The outbox' sweep in a worker of a Django project: ``celery -A worker worker -I notifier.integrations.django.sweeping_task``.

With that the worker sweeps the outbox as often as its queues. Beat may call the task, too.
"""

from __future__ import annotations

import fcntl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from notifier.integrations.django.sweeping import sweep_all
from notifier.tasks.app import our_task
from notifier.tasks.sweeper import also_called

# Of this worker. The file is opened before it forks and has no name; the lock of a slot that is killed is gone with it.
_file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the worker lives
_threads = threading.Lock()


@our_task(name="notifier.sweep_outbox", acks_late=False, ignore_result=True, max_retries=0, shared=False)
def sweep_outbox() -> None:
    """Sweep every database that has an outbox. Lost or doubled, it harms nothing."""
    with _turn() as is_mine:
        if is_mine:
            sweep_all()


@contextmanager
def _turn() -> Iterator[bool]:
    """True for one at a time: a database that hangs has one slot of this worker, and not one after the other."""
    if not _threads.acquire(blocking=False):
        yield False
        return
    try:
        yield _locked()
    finally:
        fcntl.lockf(_file, fcntl.LOCK_UN)
        _threads.release()


def _locked() -> bool:
    try:
        fcntl.lockf(_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


also_called.append(sweep_outbox)
