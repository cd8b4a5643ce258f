"""`Session`: one stream, one protocol connection, its transactions in order.

The dialogues of `notifier.protocol` say what to do; here it is done, each step within its time. What the server does
never raises out of `send_many`: it becomes an `Outcome`.
"""

from __future__ import annotations

import math
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, repeat
from types import TracebackType
from typing import Any, Self

from notifier.errors import Phase, fault_error
from notifier.model.envelope import MailObject
from notifier.model.outcome import Outcome
from notifier.protocol import taxonomy
from notifier.protocol.delivery import Delivery
from notifier.protocol.dialogue import Await, Commit, Loss, Lost, Send, SendLines, Step, UpgradeToTLS
from notifier.protocol.extensions import Extensions
from notifier.protocol.handshake import Dialogue, Wish, handshake
from notifier.protocol.hello_name import hello_name
from notifier.protocol.link import Link
from notifier.protocol.reading import Steps
from notifier.protocol.reply import Reply
from notifier.protocol.sending import sending
from notifier.protocol.taxonomy import clean
from notifier.protocol.transaction import accepted
from notifier.protocol.transactions import Taken, Transactions, transactions_for
from notifier.protocol.transcript import Transcript
from notifier.smtp import tls
from notifier.smtp.dane import Anchors, AnchorsShown, check_shown, check_verified
from notifier.smtp.deadline import Deadline
from notifier.smtp.endpoint import Endpoint, Mode, TLSPolicy
from notifier.smtp.quota import Quota
from notifier.smtp.resolving import Resolve, system_addresses
from notifier.smtp.stream import NetworkStream, StreamClosed, StreamTimeout
from notifier.smtp.trust import Published
from notifier.smtp.window import Window
from notifier.smtp.wire import Wire

# Seconds since its last reply, from which on a connection is idle: its server may end it for that, and not for the number of mails. RFC
# 5321 section 4.5.3.2.7 asks servers to wait for five minutes.
IDLE = 0.5
HANGING_UP = 0.1  # seconds that a server gets to close after its reply to QUIT; its FIN mostly comes with that


class Ending(StrEnum):
    """Who or what has ended a session, before anybody closed it."""

    PEER_CLOSED = "peer_closed"
    SAID_421 = "said_421"  # RFC 5321 section 3.8: the server takes its leave
    DOUBT = "doubt"  # a timeout, replies out of step, a dialogue broken off


_tuple = tuple.__new__  # what a named tuple's own constructor calls, a call less for each mail of a window
_QUIT = SendLines(b"QUIT\r\n", 1)
_NOTHING_YET = Extensions()
_CONNECT = Phase.CONNECT.value
_NEVER_WAITS = frozenset({Delivery, Taken, Commit})
BeforeDot = Callable[[Sequence[int]], float]
BeforeWait = Callable[[], None]


class Session:
    """A connection that is ready for mail."""

    def __init__(
        self,
        endpoint: Endpoint,
        stream: NetworkStream,
        *,
        window: Window | None = None,
        quota: Quota | None = None,
        anchors: Anchors | None = None,
        transcript: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.server = _NOTHING_YET
        self.tls: str | None = None
        self._relay = endpoint.name
        self._server_name: str | None = None
        self.opening_seconds: Mapping[str, float] = {}  # spent waiting in each phase until the session was ready
        self._window = window or Window(endpoint.window)
        self._quota = quota or Quota(sys.maxsize)
        self._quota.begin()
        self._opened_at = time.monotonic()
        self._answered = 0  # mails
        self._mail_max = sys.maxsize
        self._anchors = anchors or Anchors()
        self._verifies_by = self._anchors.known
        self._stream = stream
        self._wire = Wire(stream, endpoint.timeouts, Transcript() if transcript else None, endpoint.reply_caps)
        self._connection = self._wire.connection
        self._link: Link | None = None
        self._begun: tuple[Delivery, ...] = ()
        self._ends: dict[int, float] = {}  # of each mail at its dot, by its position; those of earlier records first
        self._final: Reply | None = None  # of the last outcome; many servers say the same of each mail
        self._said: str | None = None  # the same, in words
        self._closed = False

    @classmethod
    def open(
        cls,
        endpoint: Endpoint,
        *,
        resolve: Resolve = system_addresses,
        window: Window | None = None,
        quota: Quota | None = None,
        anchors: Anchors | None = None,
        transcript: bool = False,
    ) -> Session:
        """Connect, greet, encrypt and log in.

        ``resolve`` gives the addresses of the host. ``window``, ``quota`` and ``anchors`` are shared by the sessions of an
        endpoint, so that a loss, or a published authority, is remembered; ``transcript``: outcomes hold what was said,
        without messages and secrets. Raises a `DeliveryError` leaf, with nothing left open.
        """
        anchors = anchors or Anchors()
        try:
            return cls._opened(endpoint, resolve, window, quota, anchors, transcript=transcript)
        except AnchorsShown as shown:
            known = shown.certificates
        session = cls._opened(endpoint, resolve, window, quota, Anchors(known), transcript=transcript)
        anchors.learn(known)
        return session

    @classmethod
    def _opened(
        cls,
        endpoint: Endpoint,
        resolve: Resolve,
        window: Window | None,
        quota: Quota | None,
        anchors: Anchors,
        *,
        transcript: bool,
    ) -> Session:
        began = time.monotonic()
        stream = NetworkStream.connect(endpoint, resolve)
        session = cls(endpoint, stream, window=window, quota=quota, anchors=anchors, transcript=transcript)
        session._wire.phase_seconds[_CONNECT] = time.monotonic() - began
        try:
            if endpoint.tls is TLSPolicy.IMPLICIT:
                session._encrypt(Phase.CONNECT)
            session.server = session._shake_hands(handshake(session._wish()))
            session._server_name = session.server.name
            session._mail_max = session.server.mail_max or sys.maxsize
            session.opening_seconds, session._wire.phase_seconds = session._wire.phase_seconds, {}
        except BaseException:
            session.close(say_quit=False)
            raise
        return session

    @property
    def usable(self) -> bool:
        """False once the connection is in doubt or closed: it must carry nothing more."""
        if self._closed or self._connection.dead:
            return False
        return self._link is None or self._link.doubt is None

    @property
    def transactions(self) -> int:
        """How many have begun."""
        return self._link.carried if self._link is not None else 0

    @property
    def room(self) -> int:
        """How many mails more it should be given, 0 or less for none: by its quota, and by what the server takes in one
        connection (MAILMAX, RFC 9422).
        """
        return min(self._quota.most, self._mail_max) - self.transactions

    @property
    def ending(self) -> Ending | None:
        """Why it must carry nothing more; None while it is usable."""
        if self.usable:
            return None
        unasked = self._connection.unasked
        if (self._link is not None and self._link.closing) or (unasked is not None and unasked.code == 421):
            return Ending.SAID_421
        return Ending.PEER_CLOSED if self._stream.ended else Ending.DOUBT

    def send_many(
        self, mails: Sequence[MailObject], before_dot: BeforeDot | None = None, before_wait: BeforeWait | None = None
    ) -> Iterator[Outcome]:
        """Hand mails over; yields each one's `Outcome` as soon as it is known, mostly in their order.

        ``before_dot(positions)`` is called when the terminators of the mails at these positions go out next, several
        at once within a CHUNKING window: the last moment at which they are surely not delivered. It returns the
        monotonic time (seconds) after which they must not be begun to be written any more; and a final reply's time later nothing is
        waited for that concerns them, however many replies that are. If it raises, nothing more is sent, the
        outcomes of mails in flight come first, the connection is closed, and the error passes through. A mail with more
        recipients than the server takes in one transaction has several, and is announced before each; `begun` says then what
        has become of those that are over.

        ``before_wait()`` is called after outcomes, before anything is sent or waited for, unless ``before_dot`` has been: until
        then an owner may hold the outcomes that he has, to put several down at once. If it raises, the connection is closed, and the error passes
        through.

        A mail whose terminator was sent and whose final reply did not come whole is `UNKNOWN`; after a connection has
        failed, the mails behind are deferred with nothing handed over. Raises `ValueError` for paths or line ends that
        SMTP cannot carry, before anything of any of the mails is sent.
        """
        link, mails = self._link or self._new_link(), tuple(mails)  # what is checked is what goes
        self._link = link
        return self._send_all(mails, transactions_for(mails, link), link, before_dot, before_wait)

    @property
    def begun(self) -> tuple[Outcome, ...]:
        """While ``before_dot`` of `send_many` runs: of each mail that goes on in a further transaction, the outcome of those that
        are over. It has the recipients of those alone.
        """
        return tuple([self._partly(one) for one in self._begun])

    @property
    def certificate(self) -> Mapping[str, Any] | None:
        """The server's, as `ssl.SSLSocket.getpeercert` has it; None without TLS."""
        return self._stream.certificate

    @property
    def transcript(self) -> tuple[str, ...]:
        """What has been said since the last outcome, where a transcript is kept."""
        return self._wire.transcript.take() if self._wire.transcript else ()

    def takes_another(self, most: int) -> bool:
        """True where it is `usable`, has `room`, and has carried fewer than ``most``. It is asked at each return, and so
        looks for itself.
        """
        if (link := self._link) is None:
            return self.usable
        carried = link.carried
        return not (
            self._closed
            or self._connection.dead
            or link.doubt is not None
            or carried >= most
            or carried >= self._quota.most
            or carried >= self._mail_max
        )

    def is_alive(self) -> bool:
        """True where the connection may carry another mail, as far as one can know without sending anything.

        Octets that came unasked (mostly a 421) and EOF both end it.
        """
        link = self._link  # looked at here and not by `usable`: it is asked at each checkout
        if self._closed or not self._connection.quiet or (link is not None and link.doubt is not None):
            return False
        if not self._stream.readable:
            return True
        try:
            self._wire.listen()
        except StreamClosed as error:
            self._connection.kill(str(error))
        return self.usable

    def close(self, *, say_quit: bool = True) -> None:
        """End the session; QUIT is said where the connection is sound, and its reply is waited for a moment only.

        So is the server's own end of the connection: a relay that counts connections has one less then, and whoever
        opens the next one is not one too many.
        """
        if self._closed:
            return
        try:
            if say_quit and self.is_alive():  # and not to a server that has hung up behind its last reply, as many do
                self._wire.do(_QUIT)
                self._wire.reply_until(Deadline.after(self.endpoint.timeouts.quit))
                self._wire.end_until(Deadline.after(HANGING_UP))
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

    def _send_all(
        self,
        mails: Sequence[MailObject],
        transactions: Transactions,
        link: Link,
        before_dot: BeforeDot | None,
        before_wait: BeforeWait | None,
    ) -> Iterator[Outcome]:
        link.window = self._window.size  # as it is when the first mail goes, not when the call was made
        if not self.usable:
            link.doubt = self._connection.dead or "closed"
        dialogue = sending(transactions, link, binary=not transactions.plain and any(mail.binary for mail in mails))
        left, answered = len(mails), self._answered
        idle = not answered or time.monotonic() - self._wire.read_at >= IDLE
        try:
            for delivery in self._deliveries(dialogue, before_dot, before_wait):
                if isinstance(delivery, Taken):
                    for outcome in self._outcomes(delivery):
                        left -= 1
                        self._answered += 1
                        yield outcome
                    continue
                left -= 1
                if delivery.reply is not None or link.takes_more:
                    self._answered += 1
                yield self._outcome(delivery)
        finally:
            self._quota.carried(self._answered)
            self._ends, self._wire.ends = {}, math.inf
            # In doubt; or a consumer that stops in the middle, or a before_dot that raised, or a signal's exception:
            # a transaction is open then, and what was said next would be read as a part of its message.
            if link.doubt is not None or left or not self._connection.quiet:
                self._connection.kill(clean(link.doubt or "broken off in a transaction"))
                if (self._answered > answered or not idle) and self.ending is not Ending.DOUBT:
                    self._quota.ended(self._answered, self._opened_at)
                self.close(say_quit=False)

    def _deliveries(
        self, dialogue: Steps, before_dot: BeforeDot | None, before_wait: BeforeWait | None
    ) -> Iterator[Delivery | Taken]:
        """Do each step that the dialogue asks for, give it the replies, and throw failures in at their step."""
        wire = self._wire
        answer: Reply | None = None
        failure: BaseException | None = None
        fresh = False  # an outcome that nobody has been given the time to put down
        while True:
            try:
                step = dialogue.send(answer) if failure is None else dialogue.throw(failure)  # type: ignore[arg-type]
            except StopIteration:
                return
            if fresh and before_wait is not None and self._takes_time(step):
                fresh = False
                before_wait()
            answer = failure = None
            try:
                if type(step) is Delivery or type(step) is Taken:
                    fresh = True
                    if self._ends:
                        self._over(step)
                    yield step
                elif type(step) is Await:
                    answer = wire.reply(step.phase)
                elif type(step) is Commit:
                    fresh = False
                    self._commit(step, before_dot)
                else:
                    wire.do(step)  # type: ignore[arg-type]  # no other steps are taken after the handshake
            except GeneratorExit:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the dialogue says what it means, or lets it pass
                failure = error

    def _takes_time(self, step: Step | Delivery | Taken) -> bool:
        if type(step) is Await:
            return not self._wire.has_reply
        return type(step) not in _NEVER_WAITS

    def _commit(self, step: Commit, before_dot: BeforeDot | None) -> None:
        self._begun = step.begun
        latest = before_dot(step.positions) if before_dot is not None else None
        if latest is None:
            return
        if time.monotonic() > latest:
            raise Lost(Loss.TOO_LATE, "the dot deadline had passed; the terminator was not sent")
        # The ledger takes them over so long after its record, however many replies there are and whatever was written.
        for position in step.positions:
            self._ends.pop(position, None)
            self._ends[position] = latest + self.endpoint.timeouts.final_reply
        self._wire.ends = next(iter(self._ends.values()))

    def _over(self, decided: Delivery | Taken) -> None:
        for position in (decided.position,) if isinstance(decided, Delivery) else decided.positions:
            self._ends.pop(position, None)
        self._wire.ends = next(iter(self._ends.values()), math.inf)

    def _outcome(self, delivery: Delivery) -> Outcome:
        wire, recipients, transcript = self._wire, delivery.recipients, self._wire.transcript
        if self._window.limit > 1 and delivery.terminator_sent:
            self._window.learn(recipients.values())
        if delivery.reply is not self._final:
            self._final, self._said = delivery.reply, _words(delivery.reply)
        seconds, wire.phase_seconds = wire.phase_seconds, {}
        if len(recipients) > 1:  # in the envelope's order, whenever each was decided
            recipients = {path: recipients[path] for path in delivery.mail.envelope.forward_paths}
        return Outcome(
            delivery.position,
            recipients,
            self._said,
            self._relay,
            self.tls,
            delivery.terminator_sent,
            seconds,
            self._server_name,
            transcript.take() if transcript else (),
        )

    def _outcomes(self, taken: Taken) -> Iterator[Outcome]:
        """The same, of many: all of one kind at once, since calls are what a mail costs here."""
        positions, paths, welcomes, finals = taken
        wire, transcript, many = self._wire, self._wire.transcript, len(positions)
        self._window.trust(many)
        if welcomes.count(welcomes[0]) == many:  # servers say the same all day long
            verdict = accepted(welcomes[0])
            recipients = [{path: verdict} for path in paths]
        else:
            recipients = [{path: accepted(welcome)} for path, welcome in zip(paths, welcomes, strict=True)]
        seconds: list[dict[str, float]] = [{} for _ in positions]
        seconds[0], wire.phase_seconds = wire.phase_seconds, seconds[0]
        heard = chain((transcript.take() if transcript else (),), repeat(()))
        same = (repeat(self._relay), repeat(self.tls), repeat(True))
        values = zip(positions, recipients, self._said_of(finals), *same, seconds, repeat(self._server_name), heard)
        return map(_tuple, repeat(Outcome), values)

    def _said_of(self, finals: Sequence[Reply]) -> Iterator[str | None]:
        if finals.count(finals[0]) < len(finals):
            return map(_words, finals)
        if finals[0] is not self._final:
            self._final, self._said = finals[0], _words(finals[0])
        return repeat(self._said)

    def _partly(self, delivery: Delivery) -> Outcome:
        said = _words(delivery.reply)
        return Outcome(delivery.position, dict(delivery.recipients), said, self._relay, self.tls, terminator_sent=True)

    def _new_link(self) -> Link:
        lmtp = self.endpoint.mode is Mode.LMTP
        connection = self._connection
        return Link(
            self.endpoint.name,
            self.server,
            lmtp=lmtp,
            # REQUIRETLS alone asks for it, and wants a server that is verified (RFC 8689 section 4.2.1).
            encrypted=self.tls is not None and self.endpoint.trust.authenticates,
            replies=connection.replies,
            out_of_step=lambda: connection.out_of_step,
        )

    # the handshake --------------------------------------------------------------------------------------------------

    def _shake_hands(self, dialogue: Dialogue) -> Extensions:
        answer: Reply | None = None
        failure: Lost | None = None
        while True:
            try:
                step = dialogue.send(answer) if failure is None else dialogue.throw(failure)  # type: ignore[arg-type]
            except StopIteration as done:
                offered: Extensions = done.value
                self._check_in_step()
                return offered
            answer = failure = None
            try:
                answer = self._do(step)
            except Lost as lost:
                failure = lost

    def _check_in_step(self) -> None:
        if (why := self._connection.dead) is not None:
            raise fault_error(taxonomy.of_loss(Phase.EHLO, Loss.VIOLATION, why, host=self.endpoint.name))

    def _do(self, step: Step) -> Reply | None:
        match step:
            case Await(phase=phase):
                return self._wire.reply(phase)
            case Send():
                self._wire.do(step)
            case UpgradeToTLS():
                self._upgrade()
        return None

    def _upgrade(self) -> None:
        try:
            silent = self._connection.quiet and self._wire.silent
        except StreamClosed as error:
            raise Lost(Loss.CLOSED, str(error)) from error
        if not silent:
            raise Lost(Loss.VIOLATION, "octets behind the reply to STARTTLS")
        self._encrypt(Phase.STARTTLS)

    def _encrypt(self, phase: Phase) -> None:
        endpoint, began = self.endpoint, time.monotonic()
        deadline = Deadline(began + endpoint.timeouts.starttls)
        try:
            self._stream.start_tls(tls.context_of(endpoint, self._verifies_by), endpoint.server_name, deadline)
        except StreamTimeout as error:
            raise fault_error(taxonomy.fault("L1", phase, "no TLS handshake in time", host=endpoint.name)) from error
        except (ssl.SSLError, OSError) as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._anchors.forget()  # perhaps the host has another authority now
            raise fault_error(tls.fault_of(error, phase, endpoint.name)) from error
        self._check_key(phase)
        if isinstance(endpoint.trust, Published):
            self._check_published(endpoint.trust, phase)
        self._wire.took("tls", began)
        self.tls = self._stream.tls

    def _check_key(self, phase: Phase) -> None:
        """A pin holds where an authority was deceived, and beside whatever else is verified."""
        endpoint = self.endpoint
        if endpoint.pins and (shown := self._stream.key_pin) not in endpoint.pins:
            words = f"the server's key is none of the pinned ones; it is {shown or 'not to be read'}"
            raise fault_error(taxonomy.fault("L2", phase, words, host=endpoint.name))

    def _check_published(self, published: Published, phase: Phase) -> None:
        if self._verifies_by:
            words = check_verified(published, self._stream.certificate or {})
        else:
            words = check_shown(published, self._stream.chain)
        if words is not None:
            raise fault_error(taxonomy.fault("L2", phase, words, host=self.endpoint.name))

    def _wish(self) -> Wish:
        endpoint = self.endpoint
        credentials = endpoint.credentials
        return Wish(
            host=endpoint.name,
            ehlo_name=endpoint.ehlo_name or own_name(),
            lmtp=endpoint.mode is Mode.LMTP,
            encrypted=endpoint.tls is TLSPolicy.IMPLICIT,
            starttls_required=endpoint.tls is TLSPolicy.REQUIRED
            # Clear text has no key that could be the pinned one, so whoever strips STARTTLS would be rid of the pin.
            or (endpoint.tls is TLSPolicy.OPPORTUNISTIC and (credentials is not None or endpoint.pins != ())),
            starttls_welcome=endpoint.tls is not TLSPolicy.NONE,
            credentials=credentials,
            clear_auth=credentials is not None and self._stream.is_loopback,
            server=endpoint.host,
            port=endpoint.port,
            bindings=lambda: self._stream.bindings,
        )


def _words(reply: Reply | None) -> str | None:
    return clean(str(reply)) if reply is not None else None


def own_name() -> str:
    """This host's name for EHLO: its domain name, or the address literal of loopback (RFC 5321 section 4.1.4)."""
    name = socket.gethostname()
    try:
        return hello_name(name) if "." in name else "[127.0.0.1]"
    except ValueError:  # an underscore, or a host that is called by its address
        return "[127.0.0.1]"
