"""`Transcript`: what was said on a connection, fit to be shown. Secrets never enter it; messages only as their size."""

from __future__ import annotations

from collections import deque

from notifier.protocol.commands import Auth, AuthAnswer, Command
from notifier.protocol.reply import Reply
from notifier.protocol.taxonomy import clean

MAX_LINES = 1000  # the last ones are kept


class Transcript:
    """Lines, ``C:`` from us and ``S:`` from the server."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MAX_LINES)

    def sent(self, command: Command) -> None:
        """A command of ours."""
        if isinstance(command, Auth):
            self._lines.append(f"C: AUTH {command.mechanism}{' ***' if command.initial is not None else ''}")
        elif isinstance(command, AuthAnswer):
            self._lines.append("C: ***")
        elif line := clean(command.encode().decode()):
            self._lines.append(f"C: {line}")

    def sent_lines(self, octets: bytes) -> None:
        """Command lines of an envelope, which holds no secret."""
        self._lines.extend(f"C: {clean(line.decode('utf-8', 'replace'))}" for line in octets.splitlines())

    def sent_octets(self, count: int) -> None:
        """A message, or a part of one."""
        self._lines.append(f"C: ({count} octets of the message)")

    def received(self, reply: Reply) -> None:
        """A reply, from which `Connection` has taken what it repeats of a login; what follows 334 is part of one."""
        if reply.code == 334:
            self._lines.append("S: 334 ***")
            return
        lines = (clean(line.decode("utf-8", "replace")) for line in reply.lines)
        self._lines.extend(f"S: {reply.code} {line}".rstrip() for line in lines)

    def take(self) -> tuple[str, ...]:
        """The lines since the last time."""
        lines = tuple(self._lines)
        self._lines.clear()
        return lines
