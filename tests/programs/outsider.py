"""An application that enqueues, or a person at a terminal, with failpoints; run by `nemesis`. Each line of JSON on stdin is
a step, done by a fork of its own; a line on stdout says how it ended: what it returned, or the signal that ended it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from nemesis.failpoints import Seam
from nemesis.seams import install

from notifier import send_email
from notifier.model.state import MailState
from notifier.tasks.runtime import runtime


def done(seam: Seam, mail: str, more: Mapping[str, Any]) -> str:
    match seam:
        case Seam.ADD:
            return str(send_email.apply_async(kwargs=more["call"], task_id=mail, queue=more["queue"]).id)
        case Seam.CANCEL:
            return runtime().store.cancel(mail)
        case Seam.RESCHEDULE:
            return runtime().store.reschedule(mail, more["send_at"])
        case _:
            return runtime().store.resolve(mail, MailState(more["state"]), "the nemesis decided")


def in_a_fork(step: Mapping[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a person at a terminal has no handler of Python
        answer = done(Seam(step["seam"]), step["mail"], step)
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    return {"answer": answer, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}


if __name__ == "__main__":
    install()
    for line in sys.stdin:
        print(json.dumps(in_a_fork(json.loads(line))), flush=True)
