"""Sources of evidence: who is asked what became of mails whose final reply nobody has read, and the task that asks."""

from __future__ import annotations

import logging
from typing import TypeVar

from notifier.delivery.proving import Asker, look_for_proof
from notifier.delivery.relay_log import RelayLog
from notifier.model.proof import EvidenceSource
from notifier.tasks.app import our_task
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.publishing import publish
from notifier.tasks.runtime import Runtime, runtime

log = logging.getLogger(__name__)

EVERY = 30.0  # seconds between two rounds of questions about a queue, as the waits of retries are scaled
RELAY_LOG = "the relay's log"
Source = TypeVar("Source", bound=EvidenceSource)

_registered: dict[str, EvidenceSource] = {}
_asker = Asker()


def evidence_source(source: Source) -> Source:
    """Register whoever can look up what became of mails: a function, or an object that is called; see `EvidenceSource`.

    In a module that every worker imports. Asked in the order in which they were registered, after the relay's log.
    """
    kind = source if hasattr(source, "__qualname__") else type(source)
    _registered[f"{kind.__module__}.{kind.__qualname__}"] = source
    return source


# Like a bell: acknowledged early, never retried by Celery. While mails wait for proof, the sweeper calls again.
@our_task(name="notifier.prove", acks_late=False, ignore_result=True, max_retries=0, shared=False)
def prove(queue: str) -> None:
    """Ask after the mails of ``queue`` that wait for proof."""
    mine = runtime()
    look_for_proof(
        queue,
        _sources(mine),
        proofs=mine.store.proofs,
        asker=_asker,
        timeout=mine.settings.evidence_timeout,
        default_sender=mine.settings.sender,
        listener=mine.listener,
        returning=mine.composer.returning,
    )


def call_for_proof(queue: str) -> None:
    """Publish the task where mails wait for proof and somebody can be asked. Raises `StoreUnavailable`."""
    mine = runtime()
    if not _sources(mine) or not mine.store.proofs.due(queue, EVERY * mine.settings.retry_scale):
        return
    try:
        publish(prove, args=(queue,), queue=queue, expires=EVERY)
    except BROKER_ERRORS as error:
        log.warning("nobody was asked for proof, a later sweep will see to it: %s", type(error).__name__)


def _sources(mine: Runtime) -> dict[str, EvidenceSource]:
    path = mine.settings.relay_log
    return _registered if path is None else {RELAY_LOG: RelayLog(path), **_registered}
