"""Mails that are enqueued by the task's name alone, as the how-to page tells it, with a real worker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from workers import TOP, plant, wait_until

import notifier
from notifier import send_email
from notifier.errors import MailNotFound
from notifier.model.state import MailState
from notifier.tasks.app import app
from notifier.tasks.runtime import runtime

SECRET = "canary-secret-of-thirty-two-characters"


def enqueue_as_the_page_says() -> dict[str, Any]:
    page = (TOP / "docs" / "how-to" / "signed-payloads.md").read_text(encoding="utf-8")
    (sample,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {"SECRET": SECRET, "app": app}
    exec(compile(sample, "signed-payloads.md", "exec"), names)  # noqa: S102 - our own page
    return names


def test_what_is_signed_is_sent_and_what_is_not_is_refused(tmp_path: Path) -> None:
    with plant(tmp_path, NOTIFIER_PAYLOAD_KEYS=f"web-1:{SECRET}") as made:
        made.start_worker()
        names = enqueue_as_the_page_says()
        wait_until(lambda: runtime().store.status(names["task_id"]) is not None, "registered on receipt")
        made.settle([names["task_id"]], MailState.SENT)
        kwargs = {**names["mail"], "to": "eve@example.com", "signature": names["signature"]}
        forged = app.send_task("notifier.send_email", kwargs=kwargs, queue="mail")
        plain = app.send_task("notifier.send_email", kwargs=names["mail"], queue="mail")
        for message in (forged, plain):
            wait_until(lambda: re.search(f"{message.id}.*UnsignedPayload", made.logs()) is not None, "refused")  # noqa: B023
            with pytest.raises(MailNotFound):
                notifier.status(message.id)
        made.settle([send_email.delay(**names["mail"]).id], MailState.SENT)
        assert "eve@example.com" not in [path for mail in made.server.mailbox for path in mail.recipients]
        assert SECRET not in made.logs()
