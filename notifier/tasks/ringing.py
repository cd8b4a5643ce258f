"""Bells that ring in the step that stores their mail, where the broker's lists are on the ledger's own server.

That is the usual installation, one Redis for both. A bell that is published by itself costs the caller Celery's whole way of publishing, a
round trip, and a wait for the disk before a worker hears of the mail (ADR 49).
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from functools import lru_cache
from typing import Any

from celery.utils.nodenames import anon_nodename
from kombu import Connection

from notifier.settings import Settings
from notifier.store.base import AddResult, BellMessage
from notifier.tasks.app import app
from notifier.tasks.bells import bell
from notifier.tasks.registered import registered
from notifier.tasks.runtime import settings

_SCHEMES = ("redis://", "rediss://")
# Options with which Kombu names its lists otherwise.
_OTHER_LISTS = frozenset({"global_keyprefix", "priority_steps", "sep"})
# In the place of a bell's id, a task's and a message's; nothing else in a message looks like them.
_BELL, _TASK, _TAG = (
    "00be1100be1100be1100be1100be1100",
    "00000000-0000-4000-8000-0000000a5c00",
    "00000000-0000-4000-8000-000000007a90",
)


class Ringing:
    """Which way bells go, as this process knows it. ``every``: seconds for which a look at the configuration counts."""

    def __init__(self, every: float = 1.0) -> None:
        self._quiet: frozenset[str] = frozenset()
        self._every = every
        self._looked: tuple[Settings, float, bool] | None = None

    def way(self, queues: frozenset[str]) -> BellMessage | None:
        """How the bells of the next mails ring with them; None where they are published, if any is wanted at all.

        While the workers of a queue are busy none is, and its message need not go along.
        """
        return None if queues <= self._quiet or not self._is_one_server() else message_of

    def learn(self, queues: frozenset[str], result: AddResult) -> None:
        """Whether bells are wanted there these days."""
        self._quiet = self._quiet - queues if result.rung or result.bells else self._quiet | queues

    def _is_one_server(self) -> bool:
        chosen, now = settings(), time.monotonic()
        if self._looked is None or self._looked[0] is not chosen or now >= self._looked[1]:
            self._looked = chosen, now + self._every, _is_one_server(chosen)
        return self._looked[2]


def _is_one_server(chosen: Settings) -> bool:
    """Whether Celery itself would publish to that list."""
    if registered():  # another's app has its own ways: prefixes, priorities, exchanges
        return False
    conf, ledger = app.conf, chosen.store_url.reveal()
    # Options and a second server behind it are read by the ledger and by Celery each in its way.
    plain = ledger.startswith(_SCHEMES) and not {"?", ";", "#"} & set(ledger)
    # Celery's own variables (CELERY_BROKER_URL and its like) go before what the settings say.
    same = plain and conf.broker_write_url == conf.broker_read_url == ledger
    usual = conf.task_protocol == 2 and conf.task_default_priority is None
    return same and usual and _OTHER_LISTS.isdisjoint(conf.broker_transport_options)


def message_of(queue: str, bell_id: str) -> tuple[str, str]:
    """The list that workers wait at, and what `publish` would have put there."""
    body, envelope = _template(queue)
    text = base64.b64encode(body.replace(_BELL, bell_id).encode()).decode()
    told = envelope.replace(_BELL, bell_id).replace(_TASK, str(uuid.uuid4())).replace(_TAG, str(uuid.uuid4()))
    return queue, told.replace('"body": null', f'"body": "{text}"', 1)


@lru_cache(maxsize=64)
def _template(queue: str) -> tuple[str, str]:
    """Body and envelope of a bell, as the installed Celery and Kombu write them."""
    headers, properties, body, _ = app.amqp.create_task_message(
        _TASK, bell.name, (queue, _BELL), {}, origin=anon_nodename(), ignore_result=True
    )
    sent: list[dict[str, Any]] = []
    with Connection("memory://") as connection:
        channel: Any = connection.default_channel
        channel._put = lambda _queue, message, **_: sent.append(message)
        app.amqp.Producer(channel, auto_declare=False).publish(
            body, exchange="", routing_key=queue, serializer="json", headers=headers, **properties
        )
    (envelope,) = sent
    envelope["properties"]["delivery_tag"] = _TAG
    body_text, envelope["body"] = base64.b64decode(envelope["body"]).decode(), None
    return body_text, json.dumps(envelope)


ringing = Ringing()
