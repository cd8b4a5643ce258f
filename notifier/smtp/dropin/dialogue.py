"""`Dialogue`: one connection, the lines that go over it in lock step, and what of them `set_debuglevel` shows."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from notifier.smtp.deadline import Deadline
from notifier.smtp.dropin.addresses import CONTROL, prohibited
from notifier.smtp.dropin.discretion import HIDDEN, Discretion
from notifier.smtp.dropin.exceptions import SMTPConnectError, SMTPServerDisconnected
from notifier.smtp.dropin.exchange import GREETING, Ended, Exchange, OutOfStep, timeout_of

SMTP_PORT = 25
CRLF = "\r\n"
bCRLF = b"\r\n"  # noqa: N816 - the standard module's name
DEFAULT_TIMEOUT: Any = socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]  # the standard module's own default

Answer = tuple[int, bytes]


class Dialogue:
    """What `SMTP` stands on: the connection, `send` and `getreply`, `putcmd` and `docmd`."""

    debuglevel = 0
    sock: Any = None
    file: Any = None
    default_port = SMTP_PORT
    command_encoding = "ascii"

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
    ) -> None:
        """Connect where a host is given. Raises `SMTPConnectError`, `OSError`, `ValueError` for a timeout of 0."""
        self._host = host
        self.timeout = timeout
        self.source_address = source_address
        self.final_replies: list[Answer] = []
        self._deadline: Deadline | None = None
        self._counted = False  # what is sent now has been counted already
        self._forget()
        if host:
            code, msg = self.connect(host, port)
            if code != 220:
                self.close()
                raise SMTPConnectError(code, msg)
        self.local_hostname = _own_name() if local_hostname is None else local_hostname

    def set_debuglevel(self, debuglevel: int) -> None:
        """1 prints the dialogue on stderr, 2 with the time; of logins it shows ``***``."""
        self.debuglevel = debuglevel

    def _print_debug(self, *args: object) -> None:
        if self.debuglevel > 1:
            from datetime import datetime  # noqa: PLC0415 - for those who watch the dialogue

            args = (datetime.now().astimezone().time(), *args)
        print(*args, file=sys.stderr)  # noqa: T201 - that is what it is for

    # the connection -------------------------------------------------------------------------------------------------

    def connect(self, host: str = "localhost", port: int = 0, source_address: tuple[str, int] | None = None) -> Answer:
        """Connect and read the greeting. ``host`` may hold the port behind a colon; IPv6 literals may have brackets."""
        if source_address:
            self.source_address = source_address
        host, port = _host_and_port(host, port)
        port = port or self.default_port
        self._host = host
        sys.audit("smtplib.connect", self, host, port)
        self._begin(self._get_socket(host, port, self.timeout))
        code, msg = self.getreply()
        if self.debuglevel > 0:
            self._print_debug("connect:", repr(msg))
        return code, msg

    def _get_socket(self, host: str, port: int, timeout: float | None) -> Any:
        """A connected socket; programs override it to go through proxies."""
        if timeout is not None and not timeout:
            raise ValueError("Non-blocking socket (timeout=0) is not supported")
        if self.debuglevel > 0:
            self._print_debug("connect: to", (host, port), self.source_address)
        return socket.create_connection((host, port), timeout, self.source_address)

    def _begin(self, sock: Any, *, greeted: bool = False) -> None:
        if isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if timeout_of(sock) is None and self.timeout is not DEFAULT_TIMEOUT:
            sock.settimeout(self.timeout)  # an override of `_get_socket` may have left it out
        self._forget()
        self.sock, self._deadline = sock, None
        if not greeted:
            self._exchange.expect(GREETING)

    def close(self) -> None:
        """Close the connection, and forget what the server said on it."""
        closing = [
            one for one in (self.file, self.sock) if one is not None
        ]  # a file is a subclass's, as readers had one
        self.sock = self.file = None
        self._forget()
        for one in closing:
            one.close()

    def _forget(self) -> None:
        """What was said holds for its connection."""
        self._exchange, self._discretion = Exchange(), Discretion()
        self.command_encoding = "ascii"

    # octets ---------------------------------------------------------------------------------------------------------

    def send(self, s: str | bytes) -> None:
        """Send octets, or text in the command's encoding, as they are. Raises `SMTPServerDisconnected`."""
        if not self._counted:
            self._exchange.counting = False
        if self.debuglevel > 0:
            self._print_debug("send:", repr(self._shown(s)))
        if not self.sock:
            raise SMTPServerDisconnected("please run connect() first")
        octets = s.encode(self.command_encoding) if isinstance(s, str) else s
        sys.audit("smtplib.send", self, octets)
        if not self._exchange.in_message:
            self._discretion.sent(s)
        self._deadline = self._time()
        try:
            with self._or_closed():
                self._exchange.write(self.sock, octets, self._deadline)
        except OSError as error:
            raise SMTPServerDisconnected("Server not connected") from error

    def _shown(self, s: str | bytes) -> str | bytes:
        return s if self._exchange.in_message else self._discretion.shown(s)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command line. Raises `ValueError` for control characters in it, before anything is sent."""
        line = f"{cmd} {args}" if args else cmd
        if CONTROL.search(line):
            raise ValueError(prohibited("command and arguments", line, str(self._shown(line))))
        if self.sock and (why := self._exchange.unasked(self.sock)) is not None:
            raise self._out_of_step(why)
        self._send(f"{line}{CRLF}", line.partition(" ")[0].lower())

    def _out_of_step(self, why: str) -> SMTPServerDisconnected:
        why = self._discretion.without(why.encode()).decode()
        self.close()
        return SMTPServerDisconnected(f"the server is out of step: {why}")

    def _send(self, s: str | bytes, verb: str, replies: int = 1) -> None:
        """`send`, which programs override, for what calls for so many replies."""
        exchange = self._exchange
        written = exchange.written
        exchange.expect(verb, replies)
        self._counted = True
        try:
            self.send(s)
        except BaseException:
            if exchange.written == written:
                exchange.withdraw(replies)
            raise
        finally:
            self._counted = False

    def getreply(self) -> Answer:
        """The next reply: its code, and its lines joined by LF. A 421 ends the connection (RFC 5321 section 3.8).

        Raises `SMTPServerDisconnected` where the connection ends, the time is over, or what came is no reply.
        """
        if not self.sock:
            raise SMTPServerDisconnected("please run connect() first")
        deadline, self._deadline = self._deadline if self._deadline is not None else self._time(), None
        try:
            with self._or_closed():
                reply = self._discretion.heard(self._exchange.read(self.sock, deadline))
        except (OSError, Ended, OutOfStep) as error:
            why = f": {error}" if str(error) else ""
            raise SMTPServerDisconnected(f"Connection unexpectedly closed{why}") from error
        words = b"\n".join(line.strip(b" \t") for line in reply.lines)
        if self.debuglevel > 0:
            shown = HIDDEN if reply.code == 334 else ascii(self._discretion.without(words))
            self._print_debug(f"reply: retcode ({reply.code}); Msg: {shown}")
        if reply.code == 421:
            self.close()
        return reply.code, words

    @contextmanager
    def _or_closed(self) -> Iterator[None]:
        """A read or write that does not end as it should ends the connection: nobody knows whose the next reply is.

        That holds for what a signal's handler raises, such as a time limit, as well.
        """
        try:
            yield
        except BaseException:
            self.close()
            raise

    def docmd(self, cmd: str, args: str = "") -> Answer:
        """Send a command; returns its reply."""
        if self._exchange.owes:  # a time limit, or whatever else was raised, kept somebody from reading it
            raise self._out_of_step("a reply to an earlier command is still to come")
        self.putcmd(cmd, args)
        return self.getreply()

    def _time(self) -> Deadline | None:
        """What the socket's timeout is, the next command has in all; programs set it there, too."""
        seconds = timeout_of(self.sock, None if self.timeout is DEFAULT_TIMEOUT else self.timeout)
        return None if seconds is None else Deadline.after(seconds)


def _host_and_port(host: str, port: int) -> tuple[str, int]:
    literal = re.match(r"\[([0-9A-Fa-f:.]+)\](?::(.*))?\Z", host)
    name, colon, given = (literal[1], literal[2], literal[2]) if literal else host.partition(":")
    if literal is None and host.count(":") != 1:
        return host, port
    if port or not colon:
        return (name if literal or not port else host), port
    try:
        return name, int(given)
    except ValueError:
        raise OSError("nonnumeric port") from None


def _own_name() -> str:
    """Our domain name, or an address literal (RFC 5321 section 4.1.4)."""
    name = socket.getfqdn()
    if "." in name:
        return name
    try:
        return f"[{socket.gethostbyname(socket.gethostname())}]"
    except socket.gaierror:
        return "[127.0.0.1]"
