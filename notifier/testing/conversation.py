"""One connection to a catching server: the dialogue from the greeting to QUIT, strict about what it is told."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from notifier.errors import Phase
from notifier.testing.mailbox import Mailbox
from notifier.testing.script import Action, Script

MAX_LINE = 4096  # octets of a command line; RFC 4954 asks for 12288 only for AUTH
MAX_AUTH_LINE = 12288
MAX_RECIPIENTS = 1000
_PATH = re.compile(r"(FROM|TO):\s?<([^<>\r\n]*)>(?: (.*))?\Z", re.IGNORECASE)


class Dropped(Exception):
    """The script closes the connection here."""


class Peer:
    """The client's socket, with a buffer that STARTTLS must find empty."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        self._socket = connection
        self._context = context
        self._buffer = bytearray()

    @property
    def tls(self) -> str | None:
        """The TLS version, or None."""
        return self._socket.version() if isinstance(self._socket, ssl.SSLSocket) else None

    @property
    def buffered(self) -> bool:
        """True where octets have come that nobody has read."""
        return bool(self._buffer)

    def start_tls(self) -> None:
        """The server's side of the handshake."""
        if self._context is None:
            raise EOFError
        self._socket = self._context.wrap_socket(self._socket, server_side=True)

    def write(self, octets: bytes) -> None:
        """Send all."""
        self._socket.sendall(octets)

    def line(self, limit: int) -> bytes:
        """The next line with its LF; too long a line comes cut, and without one. Raises `EOFError`."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit:
                end = limit
                break
            self._fill()
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    def exactly(self, count: int) -> bytes:
        """So many octets (BDAT)."""
        while len(self._buffer) < count:
            self._fill()
        octets = bytes(self._buffer[:count])
        del self._buffer[:count]
        return octets

    def until_dot(self) -> bytes:
        """The message up to CRLF . CRLF (nothing else ends it), dots unstuffed."""
        searched = 0
        while True:
            if self._buffer.startswith(b".\r\n"):
                del self._buffer[:3]
                return b""
            end = self._buffer.find(b"\r\n.\r\n", max(0, searched - 4))
            if end >= 0:
                break
            searched = len(self._buffer)
            self._fill()
        message = bytes(self._buffer[: end + 2])
        del self._buffer[: end + 5]
        return (b"\r\n" + message).replace(b"\r\n.", b"\r\n")[2:]

    def interrupt(self) -> None:
        """End whatever another thread waits for on this connection."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        with suppress(OSError):
            self._socket.close()

    def _fill(self) -> None:
        octets = self._socket.recv(256 * 1024)
        if not octets:
            raise EOFError
        self._buffer += octets


@dataclass(frozen=True, slots=True)
class Rules:
    """What a server offers and demands. ``max_size`` is octets."""

    starttls: bool
    credentials: Mapping[str, str] = field(repr=False)
    max_size: int


@dataclass(slots=True)
class _Transaction:
    reverse_path: str | None = None
    smtputf8: bool = False
    recipients: list[str] = field(default_factory=list)
    chunks: bytearray = field(default_factory=bytearray)


class Conversation:
    """Runs until QUIT, EOF, or the script's drop."""

    def __init__(self, peer: Peer, rules: Rules, script: Script, mailbox: Mailbox) -> None:
        self._peer = peer
        self._rules = rules
        self._script = script
        self._mailbox = mailbox
        self._helo: str | None = None
        self._user: str | None = None
        self._now = _Transaction()
        self._verbs: Mapping[str, Callable[[str], None]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo_only,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": lambda _: self._say("250 2.0.0 OK"),
            "VRFY": lambda _: self._say("252 2.1.5 Send it and see"),
        }

    def run(self) -> None:
        """The whole dialogue."""
        with suppress(Dropped):
            self._say("220 catching.example ESMTP Notifier", Phase.GREETING)
            while self._one_command():
                pass

    def _say(self, reply: str, phase: Phase | None = None) -> None:
        if phase is not None:
            action, delay = self._script.for_phase(phase)
            if delay:
                time.sleep(delay)
            if action in (Action.DROP, Action.LOSE_REPLY):
                raise Dropped
            reply = action or reply
        self._peer.write(reply.encode() + b"\r\n")

    def _one_command(self) -> bool:
        raw = self._peer.line(MAX_AUTH_LINE)
        if not raw.endswith(b"\r\n"):
            # A bare LF, or no end at all: what follows cannot be told apart from what was meant.
            self._say("500 5.5.2 A line ends in CRLF and is not endless")
            return False
        verb, _, rest = raw[:-2].decode("utf-8", "surrogateescape").partition(" ")
        verb = verb.upper()
        if verb == "QUIT":
            self._say("221 2.0.0 Bye", Phase.QUIT)
            return False
        if len(raw) > MAX_LINE and verb != "AUTH":
            self._say("500 5.5.6 Line too long")
        elif verb not in self._verbs:
            self._say("500 5.5.1 Command unknown")
        else:
            self._verbs[verb](rest)
        return True

    # greeting -------------------------------------------------------------------------------------------------------

    def _ehlo(self, name: str) -> None:
        if not name:
            self._say("501 5.5.4 EHLO needs a name")
            return
        self._helo, self._now = name, _Transaction()
        offered = ["PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"]
        offered.append(f"SIZE {self._rules.max_size}")
        if self._rules.starttls and self._peer.tls is None:
            offered.append("STARTTLS")
        if self._rules.credentials:
            offered.append("AUTH PLAIN LOGIN")
        lines = ["catching.example greets you", *offered]
        text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}"
        self._say(text, Phase.EHLO)

    def _helo_only(self, name: str) -> None:
        self._helo, self._now = name or "?", _Transaction()
        self._say("250 catching.example", Phase.EHLO)

    def _starttls(self, rest: str) -> None:
        if rest or not self._rules.starttls or self._peer.tls is not None:
            self._say("503 5.5.1 STARTTLS is not possible here")
            return
        if self._peer.buffered:
            # Commands behind STARTTLS in clear text are an injection (CVE-2011-0411): no answer, no mercy.
            raise Dropped
        self._say("220 2.0.0 Go ahead", Phase.STARTTLS)
        self._peer.start_tls()
        self._helo, self._user, self._now = None, None, _Transaction()

    # AUTH -----------------------------------------------------------------------------------------------------------

    def _auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if not self._rules.credentials or self._user is not None:
            self._say("503 5.5.1 AUTH is not possible here")
            return
        try:
            user, password = self._asked_for(mechanism.upper(), initial)
        except (ValueError, binascii.Error):
            self._say("501 5.5.2 That is no answer")
            return
        known = self._rules.credentials.get(user, "")
        if known and hmac.compare_digest(known.encode(), password.encode()):
            self._user = user
            self._say("235 2.7.0 Welcome", Phase.AUTH)
        else:
            self._say("535 5.7.8 Wrong user or password", Phase.AUTH)

    def _asked_for(self, mechanism: str, initial: str) -> tuple[str, str]:
        if mechanism == "PLAIN":
            answer = initial or self._challenge("")
            _, user, password = base64.b64decode(answer, validate=True).decode().split("\0")
            return user, password
        if mechanism == "LOGIN":
            user = initial or self._challenge("Username:")
            return base64.b64decode(user, validate=True).decode(), base64.b64decode(
                self._challenge("Password:"), validate=True
            ).decode()
        raise ValueError(mechanism)

    def _challenge(self, words: str) -> str:
        self._say(f"334 {base64.b64encode(words.encode()).decode()}".rstrip())
        return self._peer.line(MAX_AUTH_LINE).rstrip(b"\r\n").decode("ascii")

    # envelope -------------------------------------------------------------------------------------------------------

    def _mail(self, rest: str) -> None:
        found = _PATH.match(rest)
        if self._helo is None or self._now.reverse_path is not None:
            self._say("503 5.5.1 Not now")
        elif self._rules.credentials and self._user is None:
            self._say("530 5.7.0 Authentication required")
        elif found is None or found[1].upper() != "FROM":
            self._say("501 5.5.4 MAIL FROM:<path>")
        else:
            self._mail_from(found[2], (found[3] or "").upper().split())

    def _mail_from(self, path: str, parameters: list[str]) -> None:
        sizes = [p[5:] for p in parameters if p.startswith("SIZE=")]
        if any(not size.isdigit() for size in sizes):
            self._say("501 5.5.4 SIZE is a number")
        elif any(int(size) > self._rules.max_size for size in sizes):
            self._say("552 5.3.4 Message too big")
        elif not path.isascii() and "SMTPUTF8" not in parameters:
            self._say("553 5.6.7 Address needs SMTPUTF8")
        else:
            self._now = _Transaction(path, "SMTPUTF8" in parameters)
            self._say("250 2.1.0 Sender OK", Phase.MAIL)

    def _rcpt(self, rest: str) -> None:
        found = _PATH.match(rest)
        if self._now.reverse_path is None:
            self._say("503 5.5.1 MAIL first")
        elif found is None or found[1].upper() != "TO" or not found[2]:
            self._say("501 5.5.4 RCPT TO:<path>")
        elif len(self._now.recipients) >= MAX_RECIPIENTS:
            self._say("452 4.5.3 Too many recipients")
        elif not found[2].isascii() and not self._now.smtputf8:
            self._say("553 5.6.7 Address needs SMTPUTF8")
        elif (reply := self._script.for_recipient(found[2])) is not None:
            self._say(reply)
        else:
            self._now.recipients.append(found[2])
            self._say("250 2.1.5 Recipient OK", Phase.RCPT)

    # message --------------------------------------------------------------------------------------------------------

    def _data(self, rest: str) -> None:
        if rest or self._now.chunks:
            self._say("503 5.5.1 Not now")
        elif not self._now.recipients:
            self._say("554 5.5.1 No valid recipients")
        else:
            self._say("354 End data with <CR><LF>.<CR><LF>", Phase.DATA)
            self._accept(self._peer.until_dot())

    def _bdat(self, rest: str) -> None:
        size, _, last = rest.partition(" ")
        if not size.isdigit() or last.upper() not in ("", "LAST") or int(size) > 2 * self._rules.max_size:
            self._say("501 5.5.4 BDAT size [LAST]")
            raise Dropped
        chunk = self._peer.exactly(int(size))
        if not self._now.recipients:
            self._say("503 5.5.1 No valid recipients")
            return
        self._now.chunks += chunk
        if last:
            self._accept(bytes(self._now.chunks))
        else:
            self._say(f"250 2.0.0 {size} octets")

    def _accept(self, message: bytes) -> None:
        now, self._now = self._now, _Transaction()
        if len(message) > self._rules.max_size:
            self._say("552 5.3.4 Message too big")
            return
        action, delay = self._script.for_phase(Phase.FINAL_REPLY)
        if delay:
            time.sleep(delay)
        if action is Action.DROP:
            raise Dropped
        if action not in (None, Action.LOSE_REPLY):
            self._say(str(action))
            return
        mail = self._mailbox.add(
            reverse_path=now.reverse_path or "",
            recipients=tuple(now.recipients),
            data=message,
            helo=self._helo or "",
            tls=self._peer.tls,
            smtputf8=now.smtputf8,
        )
        if action is Action.LOSE_REPLY:
            raise Dropped
        self._say(f"250 2.0.0 Kept as number {mail.number}")

    def _rset(self, rest: str) -> None:
        del rest
        self._now = _Transaction()
        self._say("250 2.0.0 Forgotten", Phase.RSET)
