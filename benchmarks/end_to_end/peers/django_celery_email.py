"""django-celery-email in a Django project. What is rendered goes through the broker: its callers render, its worker composes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import django
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from benchmarks.compose.jinja import rendered
from benchmarks.end_to_end.mails import IMAGE, SENDER, TEMPLATE, context, recipient
from benchmarks.end_to_end.peers.environment import HOST, celery_app, port

settings.configure(
    INSTALLED_APPS=["djcelery_email"],
    EMAIL_BACKEND="djcelery_email.backends.CeleryEmailBackend",
    EMAIL_HOST=HOST,
    EMAIL_PORT=port(),
    DEFAULT_FROM_EMAIL=SENDER,
    USE_TZ=True,
)
django.setup()
app = celery_app("django_celery_email")
app.autodiscover_tasks(["djcelery_email"])
app.set_default()


def _messages(numbers: Iterable[int]) -> Iterator[EmailMultiAlternatives]:
    for number in numbers:
        subject, text, html = rendered(TEMPLATE, context(number), image=IMAGE)
        message = EmailMultiAlternatives(subject, text, to=[recipient(number)])
        message.attach_alternative(html, "text/html")
        yield message


def enqueue(numbers: Iterable[int]) -> None:
    """`send()` each: one task a mail."""
    for message in _messages(numbers):
        message.send()


def enqueue_many(numbers: Iterable[int]) -> None:
    """One `send_messages` for all: ten mails in each task, by one connection."""
    get_connection().send_messages(list(_messages(numbers)))
