"""`Connection`: which reply answers which command, and when a connection is dead. It never owns a socket.

Replies come in the order of the commands (RFC 2920 section 3.1). Octets that no command asked for, a second reply,
a reply in pieces at the end: each is doubt, and a connection in doubt is dead.
"""

from __future__ import annotations

from collections import deque

from notifier.protocol.commands import Command, Greeting, StartTLS, Terminator
from notifier.protocol.reply import ProtocolViolation, Reply, ReplyParser


class Connection:
    """The framing of one SMTP connection. ``dead`` says why nothing may be sent any more; None while it lives."""

    def __init__(self) -> None:
        self._parser = ReplyParser()
        self._owed: deque[Command] = deque([Greeting()])  # the server speaks first
        self._replies: deque[Reply] = deque()
        self.dead: str | None = None

    @property
    def owed(self) -> int:
        """How many replies are still to come."""
        return len(self._owed)

    @property
    def mid_reply(self) -> bool:
        """True where a reply has begun and not ended."""
        return self._parser.pending

    def send(self, *commands: Command) -> bytes:
        """The octets of one flight; a reply is owed for each command. Raises `ValueError` with nothing owed."""
        if self.dead:
            raise ProtocolViolation(f"the connection is dead: {self.dead}")
        octets = b"".join([command.encode() for command in commands])
        for command in commands:
            self.owe(command)
        return octets

    def owe(self, command: Command) -> None:
        """The replies to ``command`` may come from now on, sent or not: a verdict on a message can come early."""
        if type(command) is Terminator:
            self._owed.extend([command] * command.replies)
        else:
            self._owed.append(command)

    def receive(self, data: bytes) -> None:
        """Take octets from the server.

        Raises `ProtocolViolation`, after which the connection is dead; the replies that stand before the violation
        can be taken all the same, so that it does not matter how the octets were split.
        """
        try:
            for reply in self._parser.feed(data):
                self._answer(reply)
            if self._parser.violation is not None:
                raise ProtocolViolation(self._parser.violation)
            if not self._owed and self._parser.pending:
                raise ProtocolViolation("octets that no command asked for")
        except ProtocolViolation as error:
            self.kill(str(error))
            raise

    def _answer(self, reply: Reply) -> None:
        if not self._owed:
            raise ProtocolViolation(f"reply {reply.code} that no command asked for")
        command = self._owed.popleft()
        self._replies.append(reply)
        if type(command) is StartTLS and reply.code == 220 and self._parser.pending:
            # Plaintext behind the 220 would be read as if it had come through TLS (RFC 3207, CVE-2011-0411).
            raise ProtocolViolation("octets behind the reply to STARTTLS")

    def next_reply(self) -> Reply | None:
        """The next reply in order, if it has come whole."""
        return self._replies.popleft() if self._replies else None

    def kill(self, reason: str) -> None:
        """The connection must not be used any more."""
        self.dead = self.dead or reason

    @property
    def quiet(self) -> bool:
        """True where nothing is owed and nothing is left over: the only state in which it may be parked."""
        return not (self.dead or self._owed or self._replies or self._parser.pending)
