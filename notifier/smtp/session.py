"""`Session`: one stream, one protocol connection, its transactions in order.

The dialogues of `notifier.protocol` say what to do; here it is done, each step within its time. What the server does
never raises out of `send_many`: it becomes an `Outcome`.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

from notifier.errors import Phase, fault_error
from notifier.model.envelope import MailObject
from notifier.model.outcome import Outcome
from notifier.protocol import taxonomy
from notifier.protocol.commands import Command, Quit, Terminator
from notifier.protocol.connection import Connection
from notifier.protocol.dialogue import Await, Commit, Loss, Lost, Send, SendBody, Step, UpgradeToTLS
from notifier.protocol.extensions import Extensions
from notifier.protocol.handshake import Wish, handshake
from notifier.protocol.reply import ProtocolViolation, Reply
from notifier.protocol.taxonomy import clean
from notifier.protocol.transaction import Setting, Verdicts, check_mail, transaction
from notifier.protocol.transparency import stuffed_blocks
from notifier.smtp import tls
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import Endpoint, Mode, TLSPolicy
from notifier.smtp.stream import NetworkStream, StreamClosed, StreamTimeout

BeforeDot = Callable[[Sequence[int]], float]
Result = TypeVar("Result")


class Session:
    """A connection that is ready for mail. ``transactions`` counts the mails that it has carried."""

    def __init__(self, endpoint: Endpoint, stream: NetworkStream) -> None:
        self.endpoint = endpoint
        self.transactions = 0
        self.server = Extensions()
        self.tls: str | None = None
        self._stream = stream
        self._connection = Connection()
        self._reset_first = False
        self._closed = False
        self._seconds: dict[str, float] = {}

    @classmethod
    def open(cls, endpoint: Endpoint) -> Session:
        """Connect, greet, encrypt and log in. Raises a `DeliveryError` leaf, with nothing left open."""
        session = cls(endpoint, NetworkStream.connect(endpoint))
        try:
            if endpoint.tls is TLSPolicy.IMPLICIT:
                session._encrypt(Phase.CONNECT)
            session.server = session._drive(handshake(session._wish()))
        except BaseException:
            session.close(say_quit=False)
            raise
        return session

    @property
    def usable(self) -> bool:
        """False once the connection is in doubt or closed: it must carry nothing more."""
        return not self._closed and self._connection.dead is None

    def send_many(self, mails: Sequence[MailObject], before_dot: BeforeDot | None = None) -> Iterator[Outcome]:
        """Hand mails over in order; yields each one's `Outcome` as soon as it is known.

        ``before_dot(positions)`` is called when all of a mail but its terminator has been sent: the last moment at
        which it is surely not delivered. It returns the monotonic time (seconds) after which the terminator must not
        be written any more. If it raises, the connection is closed without a terminator and the error passes through.
        A mail whose terminator was sent and whose final reply did not come whole is `UNKNOWN`; after a connection
        has failed, the mails behind are deferred with nothing handed over. Raises `ValueError` for paths or line ends
        that SMTP cannot carry, before anything of any of the mails is sent.
        """
        for mail in mails:
            check_mail(mail)
        return self._send_all(mails, before_dot)

    def is_alive(self) -> bool:
        """True where the connection may carry another mail, as far as one can know without sending anything.

        Octets that came unasked (mostly a 421) and EOF both end it.
        """
        if not (self.usable and self._connection.quiet):
            return False
        try:
            if self._stream.read_now() is not None:
                self._connection.kill("octets on an idle connection")
        except StreamClosed as error:
            self._connection.kill(str(error))
        return self.usable

    def close(self, *, say_quit: bool = True) -> None:
        """End the session; QUIT is said where the connection is sound, and its reply is waited for a moment only."""
        if self._closed:
            return
        try:
            if say_quit and self.usable and self._connection.quiet:
                self._write(Quit())
                self._read_reply(Deadline.after(self.endpoint.timeouts.quit))
        except Lost:
            pass  # Q1: the mail's fate is known; how the goodbye went changes nothing
        finally:
            self._closed = True
            self._stream.close()

    def abandon(self) -> None:
        """Close the descriptor and write nothing: for a forked child, whose parent owns the connection."""
        self._closed = True
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(say_quit=error is None)

    def __repr__(self) -> str:
        state = "usable" if self.usable else f"dead: {self._connection.dead or 'closed'}"
        return f"<Session {self.endpoint.name} {self.tls or 'no TLS'}, {self.transactions} mails, {state}>"

    # sending --------------------------------------------------------------------------------------------------------

    def _send_all(self, mails: Sequence[MailObject], before_dot: BeforeDot | None) -> Iterator[Outcome]:
        try:
            for position, mail in enumerate(mails):
                yield self._send_one(position, mail, before_dot)
        finally:
            # A consumer that stops in the middle, or a before_dot that raised, leaves a transaction open.
            if not self._connection.quiet and not self._closed:
                self._connection.kill(self._connection.dead or "broken off in a transaction")

    def _send_one(self, position: int, mail: MailObject, before_dot: BeforeDot | None) -> Outcome:
        if not self.usable:
            words = f"the connection had ended with an earlier mail: {self._connection.dead or 'closed'}"
            fault = taxonomy.fault("M0", Phase.MAIL, words, host=self.endpoint.name)
            return Outcome.for_all(position, mail.envelope.forward_paths, fault, relay=self.endpoint.name)
        self._seconds = {}
        steps = transaction(mail, self._setting())
        try:
            verdicts = self._drive(steps, lambda: before_dot([position]) if before_dot else None)
        except BaseException:
            self._connection.kill("broken off before the terminator")
            self.close(say_quit=False)
            raise
        self.transactions += 1
        self._reset_first = verdicts.reset_next
        if verdicts.doubt is not None:
            self._connection.kill(clean(verdicts.doubt))
            self.close(say_quit=False)
        return self._outcome(position, verdicts)

    def _outcome(self, position: int, verdicts: Verdicts) -> Outcome:
        return Outcome(
            position,
            verdicts.recipients,
            reply=clean(str(verdicts.reply)) if verdicts.reply else None,
            relay=self.endpoint.name,
            tls=self.tls,
            terminator_sent=verdicts.terminator_sent,
            phase_seconds=self._seconds,
        )

    def _setting(self) -> Setting:
        return Setting(
            host=self.endpoint.name,
            offered=self.server,
            lmtp=self.endpoint.mode is Mode.LMTP,
            reused=self.transactions > 0,
            reset_first=self._reset_first,
        )

    # the steps of a dialogue ----------------------------------------------------------------------------------------

    def _drive(
        self, dialogue: Generator[Step, Reply, Result], commit: Callable[[], float | None] = lambda: None
    ) -> Result:
        """Do each step that the dialogue asks for, and give it the replies; a failure is thrown in at its step."""
        resume: Callable[[], Step] = lambda: next(dialogue)  # noqa: E731 - rebound below
        while True:
            try:
                step = resume()
            except StopIteration as done:
                result: Result = done.value
                return result
            try:
                answer = self._do(step, commit)
            except Lost as lost:
                resume = lambda lost=lost: dialogue.throw(lost)  # type: ignore[misc]  # noqa: E731
            else:
                resume = lambda answer=answer: dialogue.send(answer)  # type: ignore[misc]  # noqa: E731

    def _do(self, step: Step, commit: Callable[[], float | None]) -> Reply | None:
        match step:
            case Send(commands=commands):
                self._write(*commands)
            case Await(phase=phase):
                return self._await(phase)
            case SendBody(data=data, replies=replies):
                self._connection.owe(Terminator(replies=replies))
                self._write_body(data)
            case Commit():
                latest = commit()
                if latest is not None and time.monotonic() > latest:
                    raise Lost(Loss.TOO_LATE, "the dot deadline had passed; the terminator was not sent")
            case UpgradeToTLS():
                self._upgrade()
        return None

    def _seconds_for(self, phase: Phase) -> float:
        timeouts = self.endpoint.timeouts
        return float(getattr(timeouts, phase.value))

    def _write(self, *commands: Command) -> None:
        octets = self._connection.send(*commands)
        self._put(octets, Deadline.after(self._seconds_for(commands[-1].phase)))

    def _write_body(self, data: bytes) -> None:
        began = time.monotonic()
        for block in stuffed_blocks(data):
            self._put(block, Deadline.after(self.endpoint.timeouts.body_block))
            if (early := self._heard()) is not None:  # a verdict before the end: it wins (W1)
                raise Lost(Loss.CLOSED, f"the server answered while the message was sent: {early}", early)
        self._seconds["body"] = time.monotonic() - began

    def _heard(self) -> Reply | None:
        """What the server has said unasked, looked for without waiting."""
        try:
            if (octets := self._stream.read_now()) is not None:
                self._take(octets)
        except StreamClosed as error:
            raise Lost(Loss.CLOSED, str(error)) from error
        return self._connection.next_reply()

    def _put(self, octets: bytes, deadline: Deadline) -> None:
        try:
            self._stream.write(octets, deadline, self._take)
        except StreamTimeout:
            raise Lost(Loss.TIMEOUT, "the server did not take our octets in time") from None
        except StreamClosed as error:
            raise Lost(Loss.CLOSED, str(error), self._last_words()) from error

    def _last_words(self) -> Reply | None:
        """A reply that lay in the socket when writing failed (the server's reason, mostly)."""
        try:
            while (octets := self._stream.read_now()) is not None:
                self._connection.receive(octets)
        except (StreamClosed, ProtocolViolation):
            pass  # what had come before is what counts
        return self._connection.next_reply()

    def _take(self, octets: bytes) -> None:
        try:
            self._connection.receive(octets)
        except ProtocolViolation as error:
            raise Lost(Loss.VIOLATION, str(error)) from error

    def _await(self, phase: Phase) -> Reply:
        began = time.monotonic()
        # Absolute: a server that drips its reply octet by octet gains no time (law 4).
        reply = self._read_reply(Deadline.after(self._seconds_for(phase)))
        self._seconds[phase.value] = self._seconds.get(phase.value, 0.0) + time.monotonic() - began
        return reply

    def _read_reply(self, deadline: Deadline) -> Reply:
        while (reply := self._connection.next_reply()) is None:
            try:
                self._take(self._stream.read(deadline))
            except StreamTimeout:
                raise Lost(Loss.TIMEOUT, "no reply in time") from None
            except StreamClosed as error:
                raise Lost(Loss.CUT if self._connection.mid_reply else Loss.CLOSED, str(error)) from error
        return reply

    # TLS and EHLO ---------------------------------------------------------------------------------------------------

    def _upgrade(self) -> None:
        if not self._connection.quiet or self._stream.read_now() is not None:
            raise Lost(Loss.VIOLATION, "octets behind the reply to STARTTLS")
        self._encrypt(Phase.STARTTLS)

    def _encrypt(self, phase: Phase) -> None:
        name, deadline = self.endpoint.name, Deadline.after(self.endpoint.timeouts.starttls)
        try:
            self._stream.start_tls(tls.verified_context(self.endpoint.ca_file), self.endpoint.host, deadline)
        except StreamTimeout as error:
            raise fault_error(taxonomy.fault("L1", phase, "no TLS handshake in time", host=name)) from error
        except (ssl.SSLError, OSError) as error:
            raise fault_error(tls.fault_of(error, phase, name)) from error
        self.tls = self._stream.tls

    def _wish(self) -> Wish:
        endpoint = self.endpoint
        credentials = endpoint.username is not None
        return Wish(
            host=endpoint.name,
            ehlo_name=endpoint.ehlo_name or own_name(),
            lmtp=endpoint.mode is Mode.LMTP,
            encrypted=endpoint.tls is TLSPolicy.IMPLICIT,
            starttls_required=endpoint.tls is TLSPolicy.REQUIRED
            or (endpoint.tls is TLSPolicy.OPPORTUNISTIC and credentials),
            starttls_welcome=endpoint.tls is not TLSPolicy.NONE,
            username=endpoint.username,
            password=endpoint.password,
            clear_auth=self._stream.is_loopback,
        )


def own_name() -> str:
    """This host's name for EHLO: its domain name, or the address literal of loopback (RFC 5321 section 4.1.4)."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() and "_" not in name else "[127.0.0.1]"
