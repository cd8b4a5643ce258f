"""The standard library in a task: Jinja2, `EmailMessage`, `smtplib` with a new connection each, or with one a process."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from functools import cache, partial
from typing import Any

from benchmarks.compose.jinja import rendered
from benchmarks.end_to_end.mails import IMAGE, SENDER, TEMPLATE, context, recipient
from benchmarks.end_to_end.peers.environment import HOST, celery_app, port

app = celery_app("smtplib_task")


@app.task
def send(to: str, names: dict[str, Any]) -> None:
    """What most programs begin with."""
    with smtplib.SMTP(HOST, port()) as connection:
        connection.send_message(_message(to, names))


@app.task
def send_by_one_kept(to: str, names: dict[str, Any]) -> None:
    """What they come to."""
    _kept().send_message(_message(to, names))


@cache
def _kept() -> smtplib.SMTP:
    return smtplib.SMTP(HOST, port())


def _message(to: str, names: dict[str, Any]) -> EmailMessage:
    subject, text, html = rendered(TEMPLATE, names, image=IMAGE)
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = SENDER, to, subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="origin.example")
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def _enqueue(task: Any, numbers: Iterable[int]) -> None:
    for number in numbers:
        task.delay(recipient(number), context(number))


enqueue: Callable[[Iterable[int]], None] = partial(_enqueue, send)
enqueue_for_kept: Callable[[Iterable[int]], None] = partial(_enqueue, send_by_one_kept)
