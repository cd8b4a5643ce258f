"""What `notifier check --production` looks at beside the rest: what runs well on a laptop, and loses or delays mail later."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from celery import Celery
from celery.app.utils import find_app

from notifier.errors import NotifierError
from notifier.model.worker import WorkerRecord
from notifier.settings import Settings
from notifier.settings.traps import TRAPS
from notifier.tasks.app import app, point_at_broker
from notifier.tasks.existing_apps import mail_queues
from notifier.tasks.runtime import runtime
from notifier.tasks.traps import Ground, celery_traps

Seen = tuple[str, bool, str, str]  # subject, whether it is well, what was seen, advice


def looked_at(chosen: Settings, app_name: str) -> Iterator[Seen]:
    """Every trap that is set, or that there is none; and what the workers that run now are."""
    found = [("settings", seen, trap.advice) for trap in TRAPS if (seen := trap.look(chosen)) is not None]
    living = _living()
    try:
        found_app = _workers_app(app_name)
        ground = Ground(found_app, chosen, living, is_ours=found_app is app)
        found += [("celery", seen, advice) for seen, advice in celery_traps(ground)]
    except NotifierError as error:
        found.append(("celery", str(error), "run it where the workers run, and name their app by --app"))
    for subject, seen, advice in found:
        yield subject, False, seen, advice
    if not found:
        yield "production", True, "no trap is set", ""
    yield from _workers(chosen, living)


def _living() -> list[WorkerRecord]:
    try:
        return runtime().store.workers()
    except NotifierError:
        return []  # the store has a line of its own


def _workers_app(name: str) -> Celery:
    """As `celery -A` finds it. Raises `NotifierError`."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Celery = find_app(name)
    except SystemExit:  # its settings end the start of a worker, and each of them is told
        return app
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise NotifierError(f"the Celery app {name!r} of the workers cannot be had here: {told}") from error
    point_at_broker()
    return found


def _workers(chosen: Settings, living: list[WorkerRecord]) -> Iterator[Seen]:
    """What runs can change any minute: it is told, and is no fault of the settings."""
    for name in mail_queues(chosen):
        if not any(name in one.queues for one in living):
            yield "workers", True, f"nobody consumes the queue {name} now", f"celery -A worker worker -Q {name}"
    versions = sorted({one.version for one in living if one.version})
    if len(versions) > 1:
        yield "workers", True, f"versions {', '.join(versions)} run side by side", "let the deployment end"
