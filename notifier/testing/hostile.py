"""`HostileServer`: an SMTP or LMTP server that misbehaves at the moment you choose, and is good until then.

>>> with HostileServer({Moment.RCPT: Refuse("550 5.1.1 No")}) as server:  # doctest: +SKIP
...     send_something_to(server.host, server.port)
...     assert server.accepted == []
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

from notifier.testing.certificate import ThrowAwayCertificate
from notifier.testing.listener import Listener
from notifier.testing.mischief import Ended, Mischief
from notifier.testing.peer import Cut, Peer

OFFERS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "SIZE 10000000")
_LINE = 16 * 1024  # octets of a command
_JOIN = 10  # seconds


class Moment(StrEnum):
    """When the server misbehaves. ``TLS``: in place of its part of the handshake, behind STARTTLS or before the greeting;
    ``BODY``: before it reads the message (over BDAT, the chunk); ``IDLE``: unasked, after a final reply.
    """

    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    FINAL_REPLY = "final_reply"
    IDLE = "idle"
    RSET = "rset"
    QUIT = "quit"


When = Moment | tuple[Moment, int]  # the nth time on a connection, from 1


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that the server took responsibility for."""

    sender: str
    recipients: tuple[str, ...]
    octets: bytes = field(repr=False)


class HostileServer:
    """Listens on a free port of loopback while the ``with`` block lasts; every thread and socket ends with it.

    ``plan``: what to do when. ``connection``: on the nth one alone, from 1; else on all. ``offers``: keywords for EHLO;
    ``tls``: STARTTLS is offered, ``implicit_tls``: TLS from the first octet, with a throw-away certificate that
    ``ca_file`` vouches for, or with a ``context`` of your own; another one counts from the next handshake on.
    ``small_window``: the kernel takes few octets that nobody reads. ``cut``: where it ends (``connection`` holds for it
    too). ``patience``: seconds after which a client that is silent between two mails, from a final reply on, hears 421
    and is left. Afterwards: ``accepted``, ``heard`` (octets of each connection's commands), ``traffic`` (octets said and
    heard on each), ``auth_in_clear``.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        plan: Mapping[When, Mischief] | None = None,
        *,
        connection: int | None = None,
        offers: tuple[str, ...] = OFFERS,
        tls: bool = False,
        implicit_tls: bool = False,
        context: ssl.SSLContext | None = None,
        lmtp: bool = False,
        small_window: bool = False,
        cut: Cut | None = None,
        patience: float | None = None,
    ) -> None:
        self.plan = dict(plan or {})
        self.accepted: list[Accepted] = []
        self.heard: list[bytes] = []
        self.auth_in_clear = False
        self.offers, self.lmtp, self.tls, self.implicit_tls = offers, lmtp, tls, implicit_tls
        self.port = 0
        self._connection = connection
        self._small_window = small_window
        self._certificate = ThrowAwayCertificate(self.host) if (tls or implicit_tls) and context is None else None
        self.context = self._certificate.context if self._certificate else context
        self.patience = patience
        self._cut = cut
        self._listener: Listener | None = None
        self._open: list[tuple[threading.Thread, Peer]] = []

    @property
    def ca_file(self) -> str | None:
        """The PEM file to trust; None without TLS, and with a context of your own."""
        return str(self._certificate.ca_file) if self._certificate else None

    @property
    def connections(self) -> int:
        """How many there were."""
        return len(self.heard)

    @property
    def traffic(self) -> list[tuple[int, int]]:
        """Octets said and heard on each connection."""
        return [(peer.said, peer.heard) for _, peer in self._open]

    def at_rest(self, within: float = 10.0) -> bool:
        """True where every connection has ended ``within`` so many seconds: nothing more will be accepted."""
        for thread, _ in self._open:
            thread.join(within)
        return not any(thread.is_alive() for thread, _ in self._open)

    def __enter__(self) -> Self:
        self._listener = Listener((self.host, self.port), self._begin, receive_buffer=1 if self._small_window else None)
        self.port = self._listener.port
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            self._listener.stop()
        for thread, peer in self._open:
            peer.interrupt()
            thread.join(_JOIN)
        if self._certificate is not None:
            self._certificate.close()

    def _begin(self, connection: socket.socket) -> None:
        self.heard.append(b"")
        number = len(self.heard)
        chosen = self._connection in (None, number)
        peer = Peer(connection, self.context, number=number, cut=self._cut if chosen else None)
        plan = self.plan if chosen else {}
        thread = threading.Thread(target=self._serve, args=(peer, plan), name="hostile-connection", daemon=True)
        self._open.append((thread, peer))
        thread.start()

    def _serve(self, peer: Peer, plan: Mapping[When, Mischief]) -> None:
        try:
            peer.send_at_once()
            _Conversation(self, peer, plan).run()
        except (OSError, EOFError, Ended):
            pass  # the client went away, or the mischief was done
        finally:
            peer.close()


class _Conversation:
    """Good but for the plan: lenient with what it hears, for it is the client that is tested."""

    def __init__(self, server: HostileServer, peer: Peer, plan: Mapping[When, Mischief]) -> None:
        self._server = server
        self._peer = peer
        self._plan = plan
        self._times: Counter[Moment] = Counter()
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._octets = b""
        self._between_mails = False

    def run(self) -> None:
        if self._server.implicit_tls:
            self._encrypt()
        self._answer(Moment.GREETING, b"220 hostile.example\r\n")
        while True:
            line = self._line()
            verb, _, rest = line.rstrip(b"\r\n").partition(b" ")
            getattr(self, f"_{verb.decode('ascii', 'replace').lower()}", self._other)(rest.decode("utf-8", "replace"))

    def _line(self) -> bytes:
        try:
            line = self._peer.line(_LINE, within=self._server.patience if self._between_mails else None)
        except TimeoutError:
            self._peer.write(b"421 4.4.2 silent for too long\r\n")
            self._peer.flush()
            raise
        self._server.heard[self._peer.number - 1] += line
        return line

    def _mischief(self, moment: Moment) -> Mischief | None:
        self._times[moment] += 1
        return self._plan.get((moment, self._times[moment]), self._plan.get(moment))

    def _answer(self, moment: Moment, good: bytes) -> bool:
        """True where the good reply was given, or counts as given."""
        mischief = self._mischief(moment)
        if mischief is None:
            self._peer.write(good)
            return True
        mischief.do(self._peer, good)
        return mischief.accepts

    # commands -------------------------------------------------------------------------------------------------------

    def _ehlo(self, _: str) -> None:
        offers = [*self._server.offers]
        if self._server.tls and self._peer.tls is None:
            offers.append("STARTTLS")
        lines = ["hostile.example", *offers]
        reply = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
        self._answer(Moment.EHLO, reply.encode())

    _lhlo = _ehlo

    def _helo(self, _: str) -> None:
        self._answer(Moment.EHLO, b"250 hostile.example\r\n")

    def _starttls(self, _: str) -> None:
        if self._answer(Moment.STARTTLS, b"220 go\r\n"):
            self._peer.flush()
            self._encrypt()

    def _encrypt(self) -> None:
        mischief = self._mischief(Moment.TLS)
        if mischief is not None:
            mischief.do(self._peer, b"")
        else:
            self._peer.start_tls()

    def _auth(self, rest: str) -> None:
        self._server.auth_in_clear = self._server.auth_in_clear or self._peer.tls is None
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "LOGIN":
            for _ in range(2 - bool(initial)):
                if not self._answer(Moment.AUTH, b"334 VXNlcm5hbWU6\r\n"):
                    return
                self._line()
        self._answer(Moment.AUTH, b"235 welcome\r\n")

    def _mail(self, rest: str) -> None:
        self._between_mails = False
        if self._answer(Moment.MAIL, b"250 2.1.0 sender\r\n"):
            self._sender, self._recipients, self._octets = _path(rest), [], b""

    def _rcpt(self, rest: str) -> None:
        if self._sender is None:
            self._peer.write(b"503 no sender\r\n")
        elif self._answer(Moment.RCPT, b"250 2.1.5 recipient\r\n"):
            self._recipients.append(_path(rest))

    def _data(self, _: str) -> None:
        mischief = self._plan.get(Moment.DATA)
        if not self._recipients and mischief is None:
            self._peer.write(b"554 nobody\r\n")
        elif self._answer(Moment.DATA, b"354 go\r\n"):
            self._peer.flush()
            goes_on = self._before_the_body()
            octets = self._peer.message(MOST_OCTETS) or b""
            self._final_replies(octets if goes_on else None)

    def _bdat(self, rest: str) -> None:
        size, _, last = rest.partition(" ")
        goes_on = self._before_the_body()
        self._octets += self._peer.chunk(int(size))
        if not goes_on:
            self._final_replies(None)
        elif not self._recipients:
            self._peer.write(b"503 nobody\r\n")
        elif last:
            self._final_replies(self._octets)
        else:
            self._peer.write(b"250 2.0.0 chunk\r\n")

    def _before_the_body(self) -> bool:
        """False where the verdict was given early, so that none follows."""
        if (mischief := self._mischief(Moment.BODY)) is None:
            return True
        mischief.do(self._peer, b"")
        self._peer.flush()
        return mischief.accepts

    def _final_replies(self, octets: bytes | None) -> None:
        sender, recipients = self._sender or "", self._recipients
        self._sender, self._recipients, self._octets = None, [], b""
        self._between_mails = True
        if octets is None:
            return
        groups = [(path,) for path in recipients] if self._server.lmtp else [tuple(recipients)]
        for group in groups:
            self._final_reply(Accepted(sender, group, octets))
        if (mischief := self._mischief(Moment.IDLE)) is not None:
            self._peer.flush()
            mischief.do(self._peer, b"")

    def _final_reply(self, message: Accepted) -> None:
        mischief = self._mischief(Moment.FINAL_REPLY)
        good = b"250 2.0.0 kept as %d\r\n" % (len(self._server.accepted) + 1)
        if mischief is None or mischief.accepts:
            self._server.accepted.append(message)  # before a word of it is said
        if mischief is None:
            self._peer.write(good)
        else:
            mischief.do(self._peer, good)

    def _rset(self, _: str) -> None:
        if self._answer(Moment.RSET, b"250 2.0.0 reset\r\n"):
            self._sender, self._recipients, self._octets = None, [], b""

    def _quit(self, _: str) -> None:
        self._answer(Moment.QUIT, b"221 bye\r\n")
        self._peer.say_goodbye()
        raise Ended

    def _other(self, _: str) -> None:
        self._peer.write(b"500 what\r\n")


MOST_OCTETS = 200 * 2**20  # of a message


def _path(argument: str) -> str:
    return argument.partition("<")[2].rpartition(">")[0]
