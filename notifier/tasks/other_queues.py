"""Queues that RabbitMQ has otherwise than the worker would declare them: Celery would begin anew without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from amqp.exceptions import NotFound, PreconditionFailed
from celery.signals import worker_init
from kombu import Queue

from notifier.errors import ConfigurationError
from notifier.tasks.app import app
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.rabbitmq import DRIVER
from notifier.tasks.registered import is_registered


@worker_init.connect
def check_queues(sender: Any, **_: Any) -> None:
    """Before it connects for good. Raises `SystemExit`: Celery's signals swallow everything else."""
    if sender.app is not app and not is_registered(sender.app):
        return
    try:
        with sender.app.connection_for_write() as connection:
            if connection.transport.driver_type != DRIVER:
                return
            problems = list(_other_queues(connection, sender.app.amqp.queues.consume_from.values()))
    except BROKER_ERRORS:
        return  # it is away, and Celery waits for it
    if problems:
        raise SystemExit(str(ConfigurationError(problems)))


def _other_queues(connection: Any, queues: Iterable[Queue]) -> Iterator[str]:
    for queue in queues:
        refused = _refused(connection, queue)
        if refused:
            yield (
                f"RabbitMQ has the queue {queue.name!r} otherwise ({refused}): let the old workers empty it, stop "
                f"them and delete it (rabbitmqctl delete_queue {queue.name}), and this one makes it anew"
            )


def _refused(connection: Any, queue: Queue) -> str | None:
    channel = connection.channel()  # of its own: a refusal closes it
    try:
        queue(channel).queue_declare(passive=True)
    except NotFound:
        return None
    try:
        queue(channel).queue_declare()
    except PreconditionFailed as error:
        return str(error.reply_text)
    return None
