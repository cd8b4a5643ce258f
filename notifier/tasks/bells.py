"""The bell: a Celery message that carries only a queue's name. Lost or doubled, it harms nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from amqp.exceptions import AccessRefused
from kombu.exceptions import OperationalError

from notifier.delivery.rounds import serve
from notifier.errors import BrokerUnavailable
from notifier.tasks.app import BROKER_TIMEOUT, app, our_task, point_at_broker
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.hooks import ring_hooks
from notifier.tasks.orders import orders
from notifier.tasks.publishing import publish
from notifier.tasks.rabbitmq import DRIVER, take_two
from notifier.tasks.runtime import runtime
from notifier.tasks.soft_limit import soft_limit

log = logging.getLogger(__name__)

# Seconds. A name with two addresses that swallow what comes takes the timeout twice, and is not tried again.
SECOND_TRY_BEFORE = int(1.5 * BROKER_TIMEOUT)


# Acknowledged early and never retried by Celery: the sweeper rings again.
@our_task(name="notifier.bell", acks_late=False, ignore_result=True, max_retries=0, shared=False)
def bell(queue: str, bell_id: str) -> None:
    """Deliver what is due in ``queue``; ring again for the rest when the time slice is over."""
    try:
        again = _serve(queue, bell_id)
    except MemoryError:
        # Celery ends the whole worker for it, and starts over with the same message. What this process has claimed is
        # taken over when its leases end, one by one, and the bell is rung again by the sweeper.
        log.exception("no memory left while mails of queue %s were delivered", queue)
        return
    if again:
        ring(queue, [bell_id])
    ring_hooks(queue)


def _serve(queue: str, bell_id: str) -> bool:
    soft_limit.watch()
    mine = runtime()
    return serve(
        queue,
        bell_id,
        store=mine.store,
        courier=mine.courier,
        owner=mine.owner,
        pace=mine.pace(queue),
        time_slice=mine.settings.time_slice,
        renew_every=mine.settings.takeover.lease / 3,
        draining=lambda: orders.draining,
    )


def ring(queue: str, bell_ids: Iterable[str]) -> None:
    """Publish bells. A broker that cannot be reached is a delay of one sweep, so it is logged and not raised."""
    for bell_id in bell_ids:
        try:
            publish(bell, args=(queue, bell_id), queue=queue)
        except BROKER_ERRORS as error:
            gate.suspect()
            log.warning("bell of queue %s not published, the sweeper will ring: %s", queue, type(error).__name__)
            return


class BrokerGate:
    """Knows whether the broker was reachable, so that a call fails before anything is stored, not after.

    The first call of a process looks, and the first after a bell that could not be published; the others trust.
    """

    def __init__(self) -> None:
        self._trusted = False

    def ensure(self) -> None:
        """Raises `BrokerUnavailable`, within the broker's timeout."""
        if self._trusted:
            return
        point_at_broker()
        try:
            with app.connection_for_write() as connection:
                connection.ensure_connection(
                    max_retries=1, interval_start=0, interval_step=0, timeout=SECOND_TRY_BEFORE
                )
                if connection.transport.driver_type == DRIVER:
                    _have_it_take_two(connection)
        except BROKER_ERRORS as error:
            raise BrokerUnavailable(
                f"the broker at {_shown_broker()} was not reached: {error}. Nothing was stored. "
                "Start it, or set NOTIFIER_BROKER_URL to the one that runs"
            ) from error
        self._trusted = True

    def suspect(self) -> None:
        """Look again before the next mail."""
        self._trusted = False


def _have_it_take_two(connection: Any) -> None:
    try:
        take_two(connection, BROKER_TIMEOUT)
    except BROKER_ERRORS as error:
        connection.collect()  # a farewell would be waited for as long
        if isinstance(error, AccessRefused):
            raise OperationalError(f"it refuses the messages of this login: {error}") from error
        raise OperationalError(
            f"it takes no messages, or not within {BROKER_TIMEOUT:g} s ({type(error).__name__}), as one that is short of memory or disk"
        ) from error


def _shown_broker() -> str:
    with app.connection_for_write() as connection:
        url: str = connection.as_uri()  # kombu masks the password
    return url


gate = BrokerGate()
