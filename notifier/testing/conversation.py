"""One connection to a catching server: the dialogue from the greeting to QUIT, strict about what it is told."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from notifier.errors import Phase
from notifier.protocol.received_commands import Refused, read_mail, read_rcpt
from notifier.testing.commands import read_bdat
from notifier.testing.login import Logins
from notifier.testing.mailbox import Mailbox
from notifier.testing.peer import Peer
from notifier.testing.replies import Ended, Replies, is_positive
from notifier.testing.script import Action, Script
from notifier.testing.visits import Visit

NAME = "catching.example"
MAX_LINE = 2048  # octets; RFC 5321 asks for 512 and each extension for a little more
MAX_AUTH_LINE = 12288  # RFC 4954 section 4
MAX_RECIPIENTS = 1000
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class State(StrEnum):
    """How far a connection is (RFC 5321 section 4.1.4)."""

    CONNECTED = "connected"
    GREETED = "greeted"
    SENDER = "sender"
    RECIPIENTS = "recipients"
    CHUNKS = "chunks"


# The commands that have their time; any other may come at any time. BDAT looks for itself: its chunk is read anyway.
_IN_SEQUENCE: Mapping[str, frozenset[State]] = {
    "STARTTLS": frozenset({State.GREETED}),
    "AUTH": frozenset({State.GREETED}),
    "MAIL": frozenset({State.GREETED}),
    "RCPT": frozenset({State.SENDER, State.RECIPIENTS}),
    "DATA": frozenset({State.SENDER, State.RECIPIENTS}),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a server offers and demands. ``max_size`` is octets, ``patience`` seconds of silence, or its end."""

    starttls: bool
    logins: Logins
    max_size: int
    lmtp: bool = False
    patience: float | threading.Event | None = None


@dataclass(slots=True)
class _Transaction:
    reverse_path: str = ""
    smtputf8: bool = False
    recipients: list[str] = field(default_factory=list)
    chunks: bytearray = field(default_factory=bytearray)


class Conversation:
    """Runs until QUIT, EOF, or until the script ends it."""

    def __init__(self, peer: Peer, rules: Rules, script: Script, mailbox: Mailbox, visit: Visit) -> None:
        self._peer = peer
        self._visit = visit
        self._rules = rules
        self._replies = Replies(peer, script)
        self._mailbox = mailbox
        self._state = State.CONNECTED
        self._helo = ""
        self._user: str | None = None
        self._now = _Transaction()
        # RFC 2033 section 4.1: where LMTP is spoken there is no HELO and no EHLO.
        hello = {"LHLO": self._ehlo} if rules.lmtp else {"EHLO": self._ehlo, "HELO": self._hello}
        self._verbs: Mapping[str, Callable[[str], None]] = {
            **hello,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": lambda _: self._replies.say("250 2.0.0 OK"),
            "VRFY": lambda _: self._replies.say("252 2.1.5 Send it and see"),
            "QUIT": self._quit,
        }

    def run(self) -> None:
        """The whole dialogue. Raises `EOFError` or `OSError` where the client goes away."""
        with suppress(Ended):
            protocol = "LMTP" if self._rules.lmtp else "ESMTP"
            if not self._replies.answer(Phase.GREETING, f"220 {NAME} {protocol} Notifier"):
                raise Ended
            while True:
                self._one_command()
        self._peer.flush()

    def _one_command(self) -> None:
        verb, _, rest = self._line(MAX_AUTH_LINE).partition(" ")
        verb = verb.upper()
        try:
            if len(verb) + len(rest) + 3 > MAX_LINE and verb != "AUTH":
                raise Refused("500 5.5.6 Line too long")
            if verb not in self._verbs:
                raise Refused("500 5.5.1 Command not recognized")
            if self._state not in _IN_SEQUENCE.get(verb, State):
                raise Refused(f"503 5.5.1 Bad sequence of commands: {verb} when {self._state}")
            self._verbs[verb](rest)
        except Refused as refused:
            self._replies.say(refused.reply)

    def _line(self, limit: int) -> str:
        """The next line. One that is not clearly a line ends the connection: what follows it may be smuggled."""
        try:
            raw = self._peer.line(limit, within=self._rules.patience)
        except TimeoutError:
            self._replies.say("421 4.4.2 You have been silent for too long")
            raise  # `say` has ended it
        if not raw.endswith(b"\r\n") or _CONTROL.search(raw, 0, len(raw) - 2):
            long = len(raw) == limit
            self._replies.say(
                "500 5.5.6 Line too long" if long else "521 5.5.2 A line holds no controls and ends in CRLF"
            )
            raise Ended
        try:
            return raw[:-2].decode()
        except UnicodeDecodeError:
            self._replies.say("521 5.5.2 A line is UTF-8")
            raise Ended from None

    # greeting -------------------------------------------------------------------------------------------------------

    def _ehlo(self, name: str) -> None:
        offered = [f"{NAME} greets you", "PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"]
        offered.append(f"SIZE {self._rules.max_size}")
        if self._rules.starttls and self._peer.tls is None:
            offered.append("STARTTLS")
        if self._may_log_in():
            offered.append("AUTH PLAIN LOGIN")
        text = "".join(f"250-{line}\r\n" for line in offered[:-1]) + f"250 {offered[-1]}"
        self._hello(name, text)

    def _hello(self, name: str, text: str = f"250 {NAME}") -> None:
        if not name or " " in name:
            raise Refused("501 5.5.4 The greeting carries one name")
        if self._replies.answer(Phase.EHLO, text):
            self._helo = name
            self._forget(State.GREETED)

    def _starttls(self, rest: str) -> None:
        if rest or not self._rules.starttls:
            raise Refused("501 5.5.4 STARTTLS takes no argument" if rest else "502 5.5.1 There is no TLS here")
        if self._peer.tls is not None:
            raise Refused("503 5.5.1 TLS is on already")
        if self._peer.has_unread:
            raise Ended  # commands behind STARTTLS in clear text are an injection (CVE-2011-0411): not answered
        if self._replies.answer(Phase.STARTTLS, "220 2.0.0 Go ahead"):
            self._peer.start_tls()
            self._helo, self._user = "", None  # RFC 3207 section 4.2
            self._forget(State.CONNECTED)

    # AUTH -----------------------------------------------------------------------------------------------------------

    def _may_log_in(self) -> bool:
        """A password in clear text is not asked for where TLS can be had (RFC 4954 section 4)."""
        return bool(self._rules.logins) and (self._peer.tls is not None or not self._rules.starttls)

    def _auth(self, rest: str) -> None:
        if not self._rules.logins or self._user is not None:
            raise Refused("503 5.5.1 There is nobody to log in")
        if not self._may_log_in():
            raise Refused("538 5.7.11 Encryption is required: STARTTLS first")
        user = self._rules.logins.user(rest, self._ask)
        if user is None:
            self._replies.answer(Phase.AUTH, "535 5.7.8 Authentication credentials invalid")
        elif self._replies.answer(Phase.AUTH, "235 2.7.0 Welcome"):
            self._user = user

    def _ask(self, challenge: str) -> str:
        self._replies.say(challenge)
        return self._line(MAX_AUTH_LINE)

    # envelope -------------------------------------------------------------------------------------------------------

    def _mail(self, rest: str) -> None:
        if self._rules.logins and self._user is None:
            raise Refused("530 5.7.0 Authentication required")
        command = read_mail(rest, max_size=self._rules.max_size)
        if self._replies.answer(Phase.MAIL, "250 2.1.0 Sender OK"):
            self._now = _Transaction(command.reverse_path, command.smtputf8)
            self._state = State.SENDER

    def _rcpt(self, rest: str) -> None:
        path = read_rcpt(rest, smtputf8=self._now.smtputf8)
        if len(self._now.recipients) >= MAX_RECIPIENTS:
            raise Refused("452 4.5.3 Too many recipients")
        reply = self._replies.for_recipient(path)
        if reply is not None and not is_positive(reply):
            raise Refused(reply)
        if self._replies.answer(Phase.RCPT, reply or "250 2.1.5 Recipient OK"):
            self._now.recipients.append(path)
            self._state = State.RECIPIENTS

    def _rset(self, rest: str) -> None:
        if rest:
            raise Refused("501 5.5.4 RSET takes no argument")
        if self._replies.answer(Phase.RSET, "250 2.0.0 Forgotten"):
            self._forget(State.GREETED if self._helo else State.CONNECTED)

    def _quit(self, rest: str) -> None:
        if rest:
            raise Refused("501 5.5.4 QUIT takes no argument")
        self._visit.said_quit = True
        self._replies.answer(Phase.QUIT, "221 2.0.0 Bye")
        self._visit.end()  # before the client hears it, and comes again
        self._peer.say_goodbye()
        raise Ended

    def _forget(self, state: State) -> None:
        self._now, self._state = _Transaction(), state

    # message --------------------------------------------------------------------------------------------------------

    def _data(self, rest: str) -> None:
        if rest:
            raise Refused("501 5.5.4 DATA takes no argument")
        if not self._now.recipients:
            raise Refused("554 5.5.1 No valid recipients")
        if not self._replies.answer(Phase.DATA, "354 End data with <CR><LF>.<CR><LF>"):
            return
        said = self._replies.body_begins()
        self._receive(self._peer.message(self._rules.max_size), said=said)

    def _bdat(self, rest: str) -> None:
        try:
            size, last = read_bdat(rest)
        except Refused as refused:
            self._replies.say(refused.reply)
            raise Ended from None  # where the chunk ends, nobody knows
        if self._state not in (State.RECIPIENTS, State.CHUNKS):
            self._peer.skip(size)
            raise Refused("503 5.5.1 No valid recipients")
        said = self._replies.body_begins()
        whole = self._add_chunk(size)
        if last or said or not whole:
            self._receive(bytes(self._now.chunks) if whole else None, said=said)
        else:
            self._state = State.CHUNKS
            self._replies.say(f"250 2.0.0 {size} octets")

    def _add_chunk(self, size: int) -> bool:
        """False where the message is over the limit now; the chunk is read all the same."""
        if size + len(self._now.chunks) > self._rules.max_size:
            self._peer.skip(size)
            return False
        self._now.chunks += self._peer.chunk(size)
        return True

    def _receive(self, message: bytes | None, *, said: bool) -> None:
        """The message is complete: keep it and answer. ``said``: it was refused while it came."""
        now, self._now = self._now, _Transaction()
        self._state = State.GREETED
        if said:
            return
        # RFC 2033 section 4.2: a reply for each recipient.
        groups = [[path] for path in now.recipients] if self._rules.lmtp else [now.recipients]
        for recipients in groups:
            if message is None:
                self._replies.say("552 5.3.4 Message too big")
            else:
                self._final_reply(now, recipients, message)

    def _final_reply(self, now: _Transaction, recipients: list[str], message: bytes) -> None:
        step = self._replies.final_step()
        usual = "250 2.0.0 Kept"
        if step.action is None or step.action is Action.LOSE_REPLY or is_positive(step.action):
            try:
                usual += f" as number {self._keep(now, recipients, message)}"
            except OSError:  # the journal's disk; without its line nothing was accepted
                raise Refused("452 4.3.1 Insufficient system storage") from None
        self._replies.final_reply(step, usual)

    def _keep(self, now: _Transaction, recipients: list[str], message: bytes) -> int:
        mail = self._mailbox.add(
            reverse_path=now.reverse_path,
            recipients=tuple(recipients),
            data=message,
            helo=self._helo,
            tls=self._peer.tls,
            smtputf8=now.smtputf8,
            connection=self._peer.number,
            user=self._user,
        )
        self._visit.mails += 1
        return mail.number
