"""The task that tells hooks what became of mails: signals and the webhook, each from its own backlog."""

from __future__ import annotations

import logging
from collections.abc import Callable

from notifier.delivery.hooks import tell_backlog
from notifier.model.hook import HookEvent, HookKind
from notifier.tasks import signals
from notifier.tasks.app import our_task
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.publishing import publish
from notifier.tasks.runtime import Runtime, runtime

log = logging.getLogger(__name__)

RING = 30.0  # seconds until a task that was published and has not come is published again


# Like a bell: acknowledged early, never retried by Celery. The backlog is in the store, and the sweeper rings again.
@our_task(name="notifier.hooks", acks_late=False, ignore_result=True, max_retries=0, shared=False)
def tell(queue: str, kind: str) -> None:
    """Tell what waits in the backlog of ``queue``."""
    mine = runtime()
    told = _receiver(mine, HookKind(kind))
    if told is None:
        log.warning("nobody listens here, and the %s of queue %s waits for a worker where somebody does", kind, queue)
    else:
        tell_backlog(
            queue,
            HookKind(kind),
            told,
            backlog=mine.store.hooks,
            time_slice=mine.settings.time_slice,
            scale=mine.settings.retry_scale,
        )


def ring_hooks(queue: str) -> None:
    """Publish a task for each backlog that holds something and has nobody at it. Raises `StoreUnavailable`."""
    mine = runtime()
    for kind in mine.hook_kinds:
        if not mine.store.hooks.due(queue, kind, RING):
            continue
        try:
            publish(tell, args=(queue, kind.value), queue=queue)
        except BROKER_ERRORS as error:
            log.warning("hooks of queue %s not rung for, a later sweep will: %s", queue, type(error).__name__)


def _receiver(mine: Runtime, kind: HookKind) -> Callable[[HookEvent], None] | None:
    if kind not in mine.hook_kinds:  # a worker of another deployment; told to nobody, an event would be lost
        return None
    return signals.send if kind is HookKind.SIGNAL else mine.settings.webhook
