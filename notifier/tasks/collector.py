"""Blobs that nobody needs are taken away by a slot, not by the sweeper: a directory on a dead server hangs whoever looks."""

from __future__ import annotations

import logging

from notifier.errors import StoreError
from notifier.tasks.app import our_task
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.publishing import publish
from notifier.tasks.runtime import runtime

log = logging.getLogger(__name__)

EXPIRES = 60.0  # seconds; the next call is as good


@our_task(name="notifier.collect", acks_late=False, ignore_result=True, max_retries=0, shared=False)
def collect() -> None:
    """Take away a sixteenth of the blobs that no mail needs any more."""
    try:
        gone = runtime().store.collect_blobs()
    except StoreError as error:
        log.warning("blobs not collected, they stay until the next time: %s", error)
    else:
        log.debug("%s blobs collected", gone)


def call_the_collector(queue: str) -> None:
    """Whoever consumes ``queue`` collects. A broker that is away is no harm: in a minute it is called again."""
    try:
        publish(collect, queue=queue, expires=EXPIRES)
    except BROKER_ERRORS as error:
        log.debug("the collector was not called: %s", type(error).__name__)
