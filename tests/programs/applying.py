"""An application that enqueues at a steady rate; run by `nemesis`. Its arguments: what it enqueues with, and a file that
each id goes to when the call has returned it. Commands on stdin: ``rate N`` (a second), ``burst N``; each is answered.
"""

from __future__ import annotations

import importlib
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

SLOW_EVERY = 50  # one of so many mails goes to a slow recipient


def with_notifier() -> Callable[[int], str]:
    from notifier import send_email

    def enqueue(number: int) -> str:
        answer = "slow" if number % SLOW_EVERY == SLOW_EVERY - 1 else "fine"
        to = f"{answer}-{number}@example.com"
        return str(send_email.delay(template="welcome", to=to, context={"name": str(number)}).id)

    return enqueue


def with_plain_celery() -> Callable[[int], str]:
    send = importlib.import_module("nemesis.plain").send
    return lambda number: str(send.delay(f"fine-{number}@example.com").id)


class Application:
    def __init__(self, enqueue: Callable[[int], str], ids: Path) -> None:
        self.enqueue = enqueue
        self.ids = ids.open("a", encoding="utf-8", buffering=1)
        self.number = 0
        self.refused = 0
        self.rate = 0.0

    def call(self) -> None:
        self.number += 1
        try:
            self.ids.write(self.enqueue(self.number) + "\n")
        except Exception:  # noqa: BLE001 - the call failed, and whoever made it knows
            self.refused += 1

    def obey(self, command: str) -> None:
        verb, number = command.split()
        if verb == "rate":
            self.rate = float(number)
        else:
            for _ in range(int(number)):
                self.call()
        print(self.number, self.refused, flush=True)

    def run(self) -> None:
        due = time.monotonic()
        while True:
            patience = max(0.0, due - time.monotonic()) if self.rate else 1.0
            if select.select([sys.stdin], [], [], patience)[0]:
                line = sys.stdin.readline()
                if not line:
                    return
                self.obey(line)
                due = time.monotonic()
            elif self.rate:
                self.call()
                due = max(due + 1 / self.rate, time.monotonic() - 1.0)


if __name__ == "__main__":
    kind, file = sys.argv[1:]
    Application({"notifier": with_notifier, "plain": with_plain_celery}[kind](), Path(file)).run()
