"""What Postfix says of the connections from one address: each test comes from its own, so it reads of itself alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workers import wait_until


@dataclass(frozen=True, slots=True)
class Conversation:
    """A connection that has ended: how often each command came, and how often in vain."""

    commands: dict[str, int]
    failed: dict[str, int]


class PostfixLog:
    """The lines about ``address`` in a log file that others write to as well."""

    def __init__(self, file: Path, address: str) -> None:
        self._file = file
        self._client = re.escape(f"unknown[{address}]")

    def conversations(self, count: int = 1) -> list[Conversation]:
        """The connections that have ended; waits until there are ``count``."""
        ended = f"disconnect from {self._client} (.*)"
        wait_until(lambda: len(self._found(ended)) >= count, f"Postfix has said goodbye {count} times")
        return [_conversation(line) for line in self._found(ended)]

    def logins(self) -> list[tuple[str, str]]:
        """Mechanism and user of each mail that was sent after a login."""
        return [
            (method, user)
            for method, user in re.findall(
                rf"client={self._client}, sasl_method=(\S+), sasl_username=(\S+)", self._text()
            )
        ]

    def queued(self, count: int = 1) -> list[str]:
        """Queue ids of the mails that Postfix has taken over: beginning one is not yet that. Waits until there are ``count``.

        Who writes the log is a process of its own: a mail may lie in its mailbox before the line that it was taken over.
        """
        wait_until(lambda: len(self._queued()) >= count, f"Postfix has taken over {count} mails")
        return self._queued()

    def _queued(self) -> list[str]:
        begun = self._found(rf"(\w+): client={self._client}")
        active = set(self._found(r"(\w+): from=<.*\(queue active\)"))
        return [queue_id for queue_id in begun if queue_id in active]

    def _found(self, pattern: str) -> list[str]:
        return re.findall(pattern, self._text())

    def _text(self) -> str:
        """Its whole lines; the last one may be in writing."""
        text = self._file.read_text(errors="replace") if self._file.exists() else ""
        return text[: text.rfind("\n") + 1]


def _conversation(line: str) -> Conversation:
    """Postfix writes ``rcpt=2`` where all went well, and ``rcpt=1/2`` where one did."""
    counts = {name: (int(good), int(every or good)) for name, good, every in re.findall(_COUNT, line)}
    del counts["commands"]
    return Conversation(
        commands={name: every for name, (_, every) in counts.items()},
        failed={name: every - good for name, (good, every) in counts.items() if good < every},
    )


_COUNT = r"(\w+)=(\d+)(?:/(\d+))?"
