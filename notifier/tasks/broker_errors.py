"""What says that a message was not published: kombu's own errors, and those of AMQP that it passes on as they are.

A refused login, a queue that is declared otherwise elsewhere or a message that the node did not take are no
`OperationalError` with RabbitMQ.
"""

from __future__ import annotations

from amqp.exceptions import AMQPError, MessageNacked
from kombu.exceptions import OperationalError

BROKER_ERRORS: tuple[type[Exception], ...] = (OperationalError, OSError, AMQPError, MessageNacked)
