"""`Depths`: how many messages wait in the broker, as the sweeper asks at each sweep.

A connection to Redis is kept from one sweep to the next: to open one takes longer than all else that a sweep does, and meanwhile the main
process hands no bell to a slot. One to RabbitMQ is not: nobody would give its heartbeats, and RabbitMQ would end it.
"""

from __future__ import annotations

import logging
from typing import Any

from notifier.tasks.app import app
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.broker_seen import broker_seen

log = logging.getLogger(__name__)

KEPT = "redis"  # kombu's type of what speaks to it


class Depths:
    """A worker's main process's. Not shared between threads."""

    def __init__(self) -> None:
        self._kept: Any = None
        self._url = ""

    def of(self, queue: str) -> int:
        """Messages that wait there; 0 where it is not known. `broker_seen` learns whether the broker answered."""
        connection = self._connection()
        channel_errors: tuple[Any, ...] = connection.channel_errors
        try:
            waiting = int(connection.default_channel.queue_declare(queue=queue, passive=True).message_count)
        except channel_errors as error:  # an empty queue of Redis is none
            _say(queue, error)
            waiting = 0
        except (*BROKER_ERRORS, *connection.connection_errors) as error:
            _say(queue, error)
            broker_seen.missed()
            self._part(connection)
            return 0
        broker_seen.answered()
        if connection is not self._kept:
            connection.release()
        return waiting

    def _connection(self) -> Any:
        if self._kept is not None and self._url == app.conf.broker_read_url:
            return self._kept
        self._part(self._kept)
        made: Any = app.connection_for_read()
        if made.transport.driver_type == KEPT:
            self._kept, self._url = made, app.conf.broker_read_url
        return made

    def _part(self, connection: Any) -> None:
        if connection is self._kept:
            self._kept = None
        if connection is not None:
            connection.release()


def _say(queue: str, error: Exception) -> None:
    log.debug("depth of queue %s not known: %s", queue, type(error).__name__)


depths = Depths()
