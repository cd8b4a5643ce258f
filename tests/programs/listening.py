"""A worker whose application listens: each signal becomes a line in the file that LISTENING_FILE names."""

from __future__ import annotations

import json
import os
from pathlib import Path

from notifier import mail_accepted, mail_deferred, mail_failed, mail_unknown
from notifier.model.hook import HookEvent
from worker import app

__all__ = ["app"]


def write_down(event: HookEvent, **_: object) -> None:
    line = json.dumps([event.name, event.mail_id, os.getpid()]) + "\n"
    with Path(os.environ["LISTENING_FILE"]).open("a", encoding="utf-8") as file:
        file.write(line)


def raise_something(event: HookEvent, **_: object) -> None:
    raise RuntimeError(f"the application does not like mail {event.mail_id}")


for signal in (mail_accepted, mail_deferred, mail_failed, mail_unknown):
    signal.connect(raise_something)
    signal.connect(write_down)
