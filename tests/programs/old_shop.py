"""A Celery app that was there before Notifier: its own tasks, its own queue, its own settings."""

from __future__ import annotations

import os

from celery import Celery, shared_task
from celery.canvas import Signature

from notifier import send_email
from notifier.tasks import register

app = Celery("shop", broker=os.environ["SHOP_BROKER"], backend=os.environ["SHOP_BROKER"])
app.conf.update(
    task_default_queue="shop",
    task_serializer="pickle",
    accept_content=["pickle", "json"],
    task_time_limit=5,
    task_default_rate_limit="1000/s",
    task_default_priority=3,
    task_inherit_parent_priority=True,  # so a chain hands it to a mail
    worker_prefetch_multiplier=1,
)
register(app)


@app.task
def add(one: int, two: int) -> int:
    return one + two


@app.task
def order(number: int) -> int:
    """A step of a chain whose last is a mail."""
    return number


@shared_task
def thank(whom: str, key: str) -> str:
    return str(send_email.delay(template="welcome", to=whom, context={"name": "Zoë"}, idempotency_key=key).id)


def signature_of_a_mail(whom: str) -> Signature:
    return send_email.si(template="welcome", to=whom, context={"name": "Zoë"})
