"""Flask-Mail in a task, as Flask's documentation on Celery and Flask-Mail's have it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask
from flask_mail import Mail, Message

from benchmarks.compose.jinja import rendered
from benchmarks.end_to_end.mails import IMAGE, SENDER, TEMPLATE, context, recipient
from benchmarks.end_to_end.peers.environment import HOST, celery_app, port

app = celery_app("flask_mail_task")
flask = Flask(__name__)
flask.config.update(MAIL_SERVER=HOST, MAIL_PORT=port(), MAIL_DEFAULT_SENDER=SENDER)
mail = Mail(flask)


@app.task
def send(to: str, names: dict[str, Any]) -> None:
    """Render and send."""
    subject, text, html = rendered(TEMPLATE, names, image=IMAGE)
    with flask.app_context():
        mail.send(Message(subject, recipients=[to], body=text, html=html))


def enqueue(numbers: Iterable[int]) -> None:
    """One task a mail."""
    for number in numbers:
        send.delay(recipient(number), context(number))
