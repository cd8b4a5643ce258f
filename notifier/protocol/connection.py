"""`Connection`: how many replies are owed, which has come, and when a connection is dead. It never owns a socket.

Replies come in the order of the commands (RFC 2920 section 3.1). Octets that no command asked for, a second reply,
a reply in pieces at the end: each is doubt, and a connection in doubt is dead.
"""

from __future__ import annotations

from collections import deque

from notifier.protocol.commands import Auth, AuthAnswer, Command, StartTLS, Terminator
from notifier.protocol.mask import Mask
from notifier.protocol.reply import CAPS, ProtocolViolation, Reply, ReplyCaps, ReplyParser
from notifier.protocol.transcript import Transcript

_READ = frozenset({334})  # a challenge is read; of other replies to a login only the code and the enhanced code are


class Connection:
    """The framing of one SMTP connection. ``dead`` says why nothing may be sent any more; None while it lives.

    ``replies`` are those that have come whole, in order. ``owed`` counts those that are still to come.
    """

    def __init__(self, transcript: Transcript | None = None, caps: ReplyCaps = CAPS) -> None:
        self._parser = ReplyParser(caps)
        self._transcript = transcript
        self._mask: Mask | None = None  # where something was told in confidence
        self._before_tls = False  # STARTTLS was said last
        self.owed = 1  # the server speaks first (RFC 5321 section 3.1)
        self.replies: deque[Reply] = deque()
        self.dead: str | None = None
        self.unasked: Reply | None = None
        self.out_of_step = False  # a reply came that nothing had asked for: which one was it?

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
            self.owed += command.replies if type(command) is Terminator else 1
            if self._transcript is not None:
                self._transcript.sent(command)
            if isinstance(command, Auth | AuthAnswer):
                self._mask = self._mask or Mask()
                self._mask.learn(command)
        self._before_tls = type(commands[-1]) is StartTLS
        return octets

    def receive(self, data: bytes) -> None:
        """Take octets from the server.

        Raises `ProtocolViolation`, after which the connection is dead; the replies that stand before the violation
        can be taken all the same, so that it does not matter how the octets were split.
        """
        found = self._parser.feed(data)
        if self._mask is not None:
            found = [reply if reply.code in _READ else self._mask.over(reply) for reply in found]
        if self._transcript is not None:
            for reply in found:
                self._transcript.received(reply)
        if len(found) > self.owed:
            self._take_all_owed(found)
        self.replies.extend(found)
        self.owed -= len(found)
        if self._parser.violation is not None:
            self._die(self._parser.violation)
        if not self.owed and self._parser.pending:
            # Behind the reply to STARTTLS it would be read as if it had come through TLS (RFC 3207, CVE-2011-0411).
            self._die(f"octets {'behind the reply to STARTTLS' if self._before_tls else 'that no command asked for'}")

    def _take_all_owed(self, found: list[Reply]) -> None:
        """There are more: the first of the rest ends it."""
        unasked = found[self.owed]
        self.replies.extend(found[: self.owed])
        self.owed = 0
        self.unasked = unasked
        self.out_of_step = unasked.code != 421  # that one comes when it likes, and ends the connection
        self._die(f"reply {unasked.code} that no command asked for")

    def _die(self, reason: str) -> None:
        self.kill(reason)
        raise ProtocolViolation(reason)

    def next_reply(self) -> Reply | None:
        """The next reply in order, if it has come whole."""
        return self.replies.popleft() if self.replies else None

    def kill(self, reason: str) -> None:
        """The connection must not be used any more."""
        self.dead = self.dead or reason

    @property
    def quiet(self) -> bool:
        """True where nothing is owed and nothing is left over: the only state in which it may be parked."""
        # A reply that has begun is owed still, or was the end of the connection: `receive` sees to it.
        return not (self.dead or self.owed or self.replies)
