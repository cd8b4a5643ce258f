"""LMTP (RFC 2033) as a receiver of reports speaks it: octets in, replies and messages out. No socket, no clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from notifier.bounces.parts import MOST
from notifier.protocol.received_commands import Refused, read_mail, read_rcpt

MOST_SIZE = 64 * 2**20  # octets of a message; of which the first are kept
MOST_LINE = 2048  # octets; RFC 5321 asks for 512 and each extension for a little more
MOST_RECIPIENTS = 100  # RFC 5321 section 4.5.3.1.8
MOST_REFUSED = 20  # commands on one connection
_KEPT = MOST + 4096
_END = b"\r\n.\r\n"  # RFC 5321 section 4.1.1.4; nothing else ends a message, or mail can be smuggled behind it
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message, or its beginning, for these recipients. ``too_big``: over the size that was offered, and not to be taken."""

    octets: bytes
    recipients: tuple[str, ...]
    too_big: bool


class Conversation:
    """One connection. ``knows`` says whether a recipient may be one of ours."""

    def __init__(self, name: str, knows: Callable[[str], bool]) -> None:
        self._name = name
        self._knows = knows
        self._unread = bytearray()
        self._greeted = False
        self._sender: str | None = None
        self._smtputf8 = False
        self._recipients: list[str] = []
        self._kept: bytearray | None = None  # of the message that comes now
        self._size = 0
        self._refused = 0
        self.over = False
        self._verbs: Mapping[str, Callable[[str], str]] = {
            "LHLO": self._lhlo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _: "250 2.0.0 OK",
            "VRFY": lambda _: "252 2.1.5 Send it and see",
            "QUIT": self._quit,
        }

    @property
    def greeting(self) -> bytes:
        """What is said first."""
        return f"220 {self._name} LMTP Notifier\r\n".encode()

    @property
    def in_message(self) -> bool:
        """True while the client's octets are a message."""
        return self._kept is not None

    def feed(self, octets: bytes) -> Iterator[bytes | Incoming]:
        """Replies, to be written in their order, and messages, each of which the caller answers for every recipient."""
        self._unread += octets
        while not self.over:
            step = self._next_command() if self._kept is None else self._next_message(self._kept)
            if step is None:
                return
            yield step

    # commands -------------------------------------------------------------------------------------------------------

    def _next_command(self) -> bytes | None:
        end = self._unread.find(b"\n", 0, MOST_LINE)
        if end < 0:
            return self._ended("500 5.5.6 Line too long") if len(self._unread) >= MOST_LINE else None
        line = bytes(self._unread[: end + 1])
        del self._unread[: end + 1]
        # What is not clearly a line ends the connection: what follows it may be smuggled.
        if not line.endswith(b"\r\n") or _CONTROL.search(line, 0, len(line) - 2):
            return self._ended("521 5.5.2 A line holds no controls and ends in CRLF")
        try:
            return self._said(self._answer(line[:-2].decode()))
        except UnicodeDecodeError:
            return self._ended("521 5.5.2 A line is UTF-8")

    def _answer(self, line: str) -> str:
        verb, _, rest = line.partition(" ")
        act = self._verbs.get(verb.upper())
        try:
            if act is None:
                raise Refused("500 5.5.1 Command not recognized")
            return act(rest)
        except Refused as refused:
            self._refused += 1
            if self._refused < MOST_REFUSED:
                return refused.reply
            self.over = True
            return "421 4.7.0 Too many errors"

    def _lhlo(self, name: str) -> str:
        if not name:
            raise Refused("501 5.5.4 The greeting carries a name")
        self._greeted = True
        self._forget()
        offered = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", f"SIZE {MOST_SIZE}")
        return "\r\n".join((f"250-{self._name}", *(f"250-{one}" for one in offered[:-1]), f"250 {offered[-1]}"))

    def _mail(self, rest: str) -> str:
        if not self._greeted or self._sender is not None:
            raise Refused("503 5.5.1 Bad sequence of commands")
        command = read_mail(rest, max_size=MOST_SIZE)
        self._sender, self._smtputf8 = command.reverse_path, command.smtputf8
        return "250 2.1.0 Sender OK"

    def _rcpt(self, rest: str) -> str:
        if self._sender is None:
            raise Refused("503 5.5.1 Bad sequence of commands")
        path = read_rcpt(rest, smtputf8=self._smtputf8)
        if len(self._recipients) >= MOST_RECIPIENTS:
            raise Refused("452 4.5.3 Too many recipients")
        if not self._knows(path):
            raise Refused("550 5.1.1 No mail of ours has this address")
        self._recipients.append(path)
        return "250 2.1.5 Recipient OK"

    def _data(self, rest: str) -> str:
        if rest:
            raise Refused("501 5.5.4 DATA takes no argument")
        if not self._recipients:
            raise Refused("503 5.5.1 No valid recipients")  # RFC 2033 section 4.2
        self._kept, self._size = bytearray(), 0
        self._unread[:0] = b"\r\n"  # so that a dot in the very first column is like any other
        return "354 End data with <CR><LF>.<CR><LF>"

    def _rset(self, rest: str) -> str:
        del rest
        self._forget()
        return "250 2.0.0 Forgotten"

    def _quit(self, rest: str) -> str:
        del rest
        self.over = True
        return "221 2.0.0 Bye"

    def _forget(self) -> None:
        self._sender, self._recipients, self._kept = None, [], None

    def _ended(self, reply: str) -> bytes:
        self.over = True
        return self._said(reply)

    @staticmethod
    def _said(reply: str) -> bytes:
        return reply.encode() + b"\r\n"

    # message --------------------------------------------------------------------------------------------------------

    def _next_message(self, kept: bytearray) -> Incoming | None:
        end = self._unread.find(_END)
        count = end + 2 if end >= 0 else max(0, len(self._unread) - len(_END))
        kept += self._unread[: min(count, max(0, _KEPT - len(kept)))]
        self._size += count
        del self._unread[: count if end < 0 else count + 3]
        if end < 0:
            return None
        octets = bytes(kept).replace(b"\r\n.", b"\r\n")[2:]
        incoming = Incoming(octets[:MOST], tuple(self._recipients), self._size > MOST_SIZE)
        self._forget()
        return incoming
