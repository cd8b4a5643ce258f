"""Bells that ring in the step that stores their mail, where the broker's lists are on the ledger's own server.

That is the usual installation, one Redis for both. A bell that is published by itself costs the caller more processor time than all the
rest of the call, a round trip, and a wait for the disk before a worker hears of the mail (ADR 49).
"""

from __future__ import annotations

import base64
import json
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
# In the place of a bell's id, a task's and a message's; nothing else in a message looks like them.
_BELL, _TASK, _TAG = (
    "00be1100be1100be1100be1100be1100",
    "00000000-0000-4000-8000-0000000a5c00",
    "00000000-0000-4000-8000-000000007a90",
)


class Ringing:
    """Which way bells go, as this process knows it."""

    def __init__(self) -> None:
        self._wanted = True
        self._known: tuple[Settings, bool] | None = None

    def way(self) -> BellMessage | None:
        """How the next mail's bell rings with it; None where it is published, if one is wanted at all.

        While workers are busy none is, and its message need not go along.
        """
        return message_of if self._wanted and self._shared() else None

    def learn(self, result: AddResult) -> None:
        """Whether bells are wanted these days."""
        self._wanted = bool(result.rung or result.bells)

    def _shared(self) -> bool:
        if registered():  # another's app has its own ways: prefixes, priorities, exchanges
            return False
        chosen = settings()
        if self._known is None or self._known[0] is not chosen:
            self._known = chosen, _is_one_server(chosen)
        return self._known[1]


def _is_one_server(chosen: Settings) -> bool:
    url = chosen.broker_url.reveal()
    # Options and a second server behind it are read by the ledger and by Celery each in its way.
    plain = url.startswith(_SCHEMES) and not {"?", ";", "#"} & set(url)
    options = app.conf.broker_transport_options
    return plain and url == chosen.store_url.reveal() and not options.get("global_keyprefix")


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
    return base64.b64decode(envelope["body"]).decode(), json.dumps(
        {"body": None, **{k: v for k, v in envelope.items() if k != "body"}}
    )


ringing = Ringing()
