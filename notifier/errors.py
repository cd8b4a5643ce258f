"""Every error of Notifier, on the lowest floor so that every room may raise them.

The tree::

    NotifierError
    ├── ConfigurationError              settings that cannot work; all problems at once
    ├── InvalidMail (ValueError)        refused at the call; nothing was stored or sent
    │   ├── InvalidAddress              not an RFC 5321/6531 mailbox
    │   ├── InvalidHeader               a field that would break or forge the header
    │   ├── InvalidContext              no JSON, too deep, NaN
    │   │   └── ContextMismatch         does not fit the template's schema
    │   ├── InvalidAttachment           cannot be read, or may not be
    │   ├── InvalidCalendar             no iCalendar with a method
    │   ├── MailTooLarge                over the size limit
    │   ├── UnsignedPayload             came through the broker without the signature that is asked for
    │   └── UnsupportedOption           a Celery option that has no meaning for a mail
    ├── InvalidReport (ValueError)      refused where it is registered, or what it returned
    ├── ReportNotFound
    ├── IdempotencyConflict             the key is taken by a mail with another body
    ├── TemplateError                   for good: the same template fails again
    │   ├── TemplateNotFound
    │   ├── TemplateRenderError         undefined variable, syntax, sandbox, output size
    │   └── RendererUnavailable         no child for untrusted templates can be started here; the mail waits
    ├── StoreError
    │   ├── StoreUnavailable            not reached within its timeout
    │   ├── BlobUnavailable             an attachment or a long payload cannot be read here; the mail waits
    │   ├── MailNotFound
    │   └── FenceRejected               somebody else owns the mail now
    ├── BrokerUnavailable               not reached within its timeout
    ├── MailboxUnavailable              the mailbox of bounces cannot be read now
    ├── PoolError
    │   ├── PoolTimeout                 no session within the deadline
    │   ├── RelayUnavailable            nothing may be tried now: a breaker is open, a limit is reached
    │   │   ├── RelayFull               other workers have all the connections that it takes
    │   │   └── RelayConnecting         others are being connected to it, and nobody knows yet whether it answers
    │   └── PoolClosed
    └── DeliveryError                   carries a Fault; the class axis
        ├── TransientError              try again
        ├── PermanentError              never try the same again
        ├── MisconfiguredError          until an operator acts; the mail stays queued
        └── UnknownOutcomeError         the final dot is out and no reply was read

    SMTPException (OSError)             the phase axis; the standard module's, and what the drop-in raises
    ├── SMTPNotSupportedError
    ├── SMTPServerDisconnected
    ├── SMTPRecipientsRefused
    └── SMTPResponseException
        ├── SMTPSenderRefused
        ├── SMTPDataError
        ├── SMTPConnectError
        ├── SMTPHeloError
        └── SMTPAuthenticationError

What the session raises is a leaf of both axes, the class axis first in its bases, for example
``TransientConnectError(TransientError, SMTPConnectError)``: catch by what to do about it, or by where it happened.
`fault_error` picks the leaf. All of them pickle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class ErrorClass(StrEnum):
    """What to do about a fault (the class column of the taxonomy)."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """What a fault is about; independent of whether it is permanent (taxonomy rule g3)."""

    RECIPIENT = "recipient"
    MESSAGE = "message"
    CONNECTION = "connection"
    ACCOUNT = "account"
    HOST = "host"
    PROCESS = "process"


class Phase(StrEnum):
    """Where in the SMTP dialogue a fault happened."""

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    FINAL_REPLY = "final_reply"
    RSET = "rset"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Fault:
    """One event of the delivery taxonomy, as a value.

    ``taxonomy_id`` is the row (``"R2"``, ``"Z5"``); ``text`` is the server's or the system's own words,
    control characters removed and capped; ``retry_after`` is in seconds where the peer named a wait.
    """

    taxonomy_id: str
    error_class: ErrorClass
    scope: Scope
    phase: Phase
    text: str
    code: int | None = None
    enhanced: str | None = None
    host: str | None = None
    retry_after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form kept in the ledger's history; None fields are left out."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fault:
        """The inverse of `to_dict`."""
        return cls(
            **{
                **data,
                "error_class": ErrorClass(data["error_class"]),
                "scope": Scope(data["scope"]),
                "phase": Phase(data["phase"]),
            }
        )

    def __str__(self) -> str:
        code = f"{self.code} " if self.code else ""  # the enhanced code stands at the head of the server's words
        where = f" at {self.host}" if self.host else ""
        return f"[{self.taxonomy_id}] {self.phase}{where}: {code}{self.text}"


class NotifierError(Exception):
    """Root of everything that Notifier raises on its own behalf."""


class ConfigurationError(NotifierError):
    """Settings that cannot work. ``problems`` lists every one of them, secrets masked."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        return f"{len(self.problems)} settings need attention:" + "".join(f"\n  - {p}" for p in self.problems)


class InvalidMail(NotifierError, ValueError):
    """Refused at the call: nothing was stored, nothing was sent."""


class InvalidAddress(InvalidMail):
    """The text is no mailbox by RFC 5321 section 4.1.2 / RFC 6531 section 3.3."""


class InvalidHeader(InvalidMail):
    """A header name or value that would break, forge or duplicate a field (RFC 5322)."""


class InvalidContext(InvalidMail):
    """The template's context is not plain JSON."""


class ContextMismatch(InvalidContext):
    """The context does not fit the template's schema."""


class InvalidAttachment(InvalidMail):
    """An attachment that cannot be read, or that may not be attached."""


class InvalidCalendar(InvalidMail):
    """An invitation that is no iCalendar (RFC 5545), or that has no method (RFC 5546)."""


class MailTooLarge(InvalidMail):
    """The mail is over the size limit (octets)."""


class UnsignedPayload(InvalidMail):
    """A mail came through the broker without a signature that holds."""


class UnsupportedOption(InvalidMail):
    """A Celery option that has no honest meaning for a mail; the text says what to use instead."""


class InvalidReport(NotifierError, ValueError):
    """A report that cannot be sent as it is registered, or returned what is no report."""


class ReportNotFound(NotifierError):
    """No report of that name is registered here."""


class IdempotencyConflict(NotifierError):
    """The idempotency key belongs to a mail with another body (like HTTP 409). ``mail_id`` is the first mail's."""

    def __init__(self, key: str, mail_id: str) -> None:
        self.key, self.mail_id = key, mail_id
        super().__init__(key, mail_id)

    def __str__(self) -> str:
        return (
            f"idempotency key {self.key!r} was already used for mail {self.mail_id} with another content; "
            "use a new key for a new mail, or send exactly the same content again"
        )


class TemplateError(NotifierError):
    """A template that cannot be used; trying again does not help."""


class TemplateNotFound(TemplateError):
    """No such template in the template folders."""


class TemplateRenderError(TemplateError):
    """Rendering failed: undefined variable, syntax, sandbox violation, output too large, a loop without end."""


class RendererUnavailable(TemplateError):
    """The child that renders untrusted templates does not start here; the mail waits."""


class StoreError(NotifierError):
    """The ledger could not do what was asked."""


class StoreUnavailable(StoreError):
    """The store was not reached, or did not answer within its timeout."""


class BlobUnavailable(StoreError):
    """Octets of a mail that are kept beside the ledger cannot be read here; the mail waits."""


class MailNotFound(StoreError):
    """No mail with this id in the ledger."""


class FenceRejected(StoreError):
    """The claim is over: the mail belongs to another worker, or has ended. ``mail_ids`` names them."""

    def __init__(self, mail_ids: Sequence[str]) -> None:
        self.mail_ids = tuple(mail_ids)
        super().__init__(self.mail_ids)

    def __str__(self) -> str:
        return f"claim lost for {', '.join(self.mail_ids)}: another worker owns it, or it has ended"


class BrokerUnavailable(NotifierError):
    """The Celery broker was not reached within its timeout."""


class MailboxUnavailable(NotifierError):
    """The mailbox of bounces cannot be read now; what is in it stays there."""


class PoolError(NotifierError):
    """The session pool could not lend a session."""


class PoolTimeout(PoolError):
    """No session became free before the deadline."""


class RelayUnavailable(PoolError):
    """No relay may be tried now: breakers are open, or limits are reached. ``retry_after`` is in seconds.

    ``paused``: what an operator has paused, if it is that and nothing else.
    """

    def __init__(self, message: str, retry_after: float = 1.0, paused: str | None = None) -> None:
        super().__init__(message, retry_after, paused)
        self.retry_after = retry_after
        self.paused = paused

    def __str__(self) -> str:
        return str(self.args[0])


class RelayFull(RelayUnavailable):
    """Others have all the connections that the relay takes from all workers together."""


class RelayConnecting(RelayUnavailable):
    """Others are being connected to the relay, and nobody knows yet whether it answers."""


class PoolClosed(PoolError):
    """The pool is closed."""


# The phase axis: the standard module's names, arguments, attributes and words -----------------------------------
#
# `OSError.__init__` would take two arguments for an errno and its meaning, and show them so: a reply's code is neither.


class SMTPException(OSError):
    """Base class of all SMTP errors, as in the standard module."""


class SMTPNotSupportedError(SMTPException):
    """The server does not offer what the command needs."""


class SMTPServerDisconnected(SMTPException):
    """The connection is gone, was never made, or was closed here because the peer broke the protocol.

    ``recipients``: the replies that `LMTP.sendmail` had for its recipients before the end, acceptances too.
    """

    recipients: Mapping[str, tuple[int, bytes]] = MappingProxyType({})


class SMTPRecipientsRefused(SMTPException):
    """Every recipient was refused. ``recipients`` maps each address to ``(code, text)``."""

    def __init__(self, recipients: Mapping[str, tuple[int, bytes]]) -> None:
        self.recipients = recipients
        self.args = (recipients,)


class SMTPResponseException(SMTPException):
    """The server answered with an error code. ``smtp_code`` and ``smtp_error`` hold its reply."""

    def __init__(self, code: int, msg: bytes | str) -> None:
        self.smtp_code = code
        self.smtp_error = msg
        self.args = (code, msg)


class SMTPSenderRefused(SMTPResponseException):
    """MAIL FROM was refused. ``sender`` is the reverse-path."""

    def __init__(self, code: int, msg: bytes | str, sender: str) -> None:
        super().__init__(code, msg)
        self.sender = sender
        self.args = (code, msg, sender)


class SMTPDataError(SMTPResponseException):
    """The server refused the message."""


class SMTPConnectError(SMTPResponseException):
    """The connection could not be established."""


class SMTPHeloError(SMTPResponseException):
    """The server refused our EHLO or HELO."""


class SMTPAuthenticationError(SMTPResponseException):
    """The server refused our credentials, or offers no mechanism that we may use."""


# The class axis -------------------------------------------------------------------------------------------------


class DeliveryError(NotifierError):
    """A fault on the way to the relay's acceptance. ``fault`` says which; see `Fault`."""

    fault: Fault

    @property
    def taxonomy_id(self) -> str:
        """The row of the delivery taxonomy."""
        return self.fault.taxonomy_id

    @classmethod
    def of(cls, fault: Fault) -> DeliveryError:
        """The error for ``fault``, with the arguments that the phase axis expects."""
        error = cls.__new__(cls, fault)
        error.fault = fault
        error.args = (str(fault),)
        _set_phase_attributes(error, fault)
        return error

    def __str__(self) -> str:
        return str(self.fault)

    def __reduce__(self) -> tuple[Any, ...]:
        return fault_error, (self.fault,)


def _set_phase_attributes(error: BaseException, fault: Fault) -> None:
    """What programs written for the standard module look at."""
    if isinstance(error, SMTPResponseException):
        error.smtp_code = fault.code if fault.code is not None else -1
        error.smtp_error = fault.text.encode("utf-8", "replace")
    if isinstance(error, SMTPSenderRefused):
        error.sender = ""
    if isinstance(error, SMTPRecipientsRefused):
        error.recipients = {}


class TransientError(DeliveryError):
    """Worth another try, later or elsewhere."""


class PermanentError(DeliveryError):
    """Never try the same again."""


class MisconfiguredError(DeliveryError):
    """Permanent until an operator acts; mails stay queued."""


class UnknownOutcomeError(DeliveryError):
    """The terminator was sent and no final reply was read (RFC 1047)."""


# The leaves: class axis first, phase second ---------------------------------------------------------------------


class TransientConnectError(TransientError, SMTPConnectError): ...


class TransientHeloError(TransientError, SMTPHeloError): ...


class TransientAuthenticationError(TransientError, SMTPAuthenticationError): ...


class TransientSenderRefused(TransientError, SMTPSenderRefused): ...


class TransientRecipientsRefused(TransientError, SMTPRecipientsRefused): ...


class TransientDataError(TransientError, SMTPDataError): ...


class TransientDisconnected(TransientError, SMTPServerDisconnected): ...


class PermanentSenderRefused(PermanentError, SMTPSenderRefused): ...


class PermanentRecipientsRefused(PermanentError, SMTPRecipientsRefused): ...


class PermanentDataError(PermanentError, SMTPDataError): ...


class MisconfiguredConnectError(MisconfiguredError, SMTPConnectError): ...


class MisconfiguredHeloError(MisconfiguredError, SMTPHeloError): ...


class MisconfiguredTLSError(MisconfiguredError, SMTPNotSupportedError): ...


class MisconfiguredAuthenticationError(MisconfiguredError, SMTPAuthenticationError): ...


class MisconfiguredSenderRefused(MisconfiguredError, SMTPSenderRefused): ...


class UnknownDisconnected(UnknownOutcomeError, SMTPServerDisconnected): ...


class UnknownDataError(UnknownOutcomeError, SMTPDataError): ...


_CLASS_AXIS: Mapping[ErrorClass, type[DeliveryError]] = {
    ErrorClass.TRANSIENT: TransientError,
    ErrorClass.PERMANENT: PermanentError,
    ErrorClass.MISCONFIGURED: MisconfiguredError,
    ErrorClass.UNKNOWN: UnknownOutcomeError,
}

_CONNECT_PHASES = (Phase.DNS, Phase.CONNECT, Phase.GREETING)

_LEAVES: Mapping[tuple[ErrorClass, Phase], type[DeliveryError]] = {
    **{(ErrorClass.TRANSIENT, phase): TransientConnectError for phase in _CONNECT_PHASES},
    **{(ErrorClass.MISCONFIGURED, phase): MisconfiguredConnectError for phase in _CONNECT_PHASES},
    (ErrorClass.PERMANENT, Phase.DNS): PermanentRecipientsRefused,
    (ErrorClass.TRANSIENT, Phase.EHLO): TransientHeloError,
    (ErrorClass.MISCONFIGURED, Phase.EHLO): MisconfiguredHeloError,
    (ErrorClass.TRANSIENT, Phase.STARTTLS): TransientDisconnected,
    (ErrorClass.MISCONFIGURED, Phase.STARTTLS): MisconfiguredTLSError,
    (ErrorClass.TRANSIENT, Phase.AUTH): TransientAuthenticationError,
    (ErrorClass.MISCONFIGURED, Phase.AUTH): MisconfiguredAuthenticationError,
    (ErrorClass.TRANSIENT, Phase.MAIL): TransientSenderRefused,
    (ErrorClass.PERMANENT, Phase.MAIL): PermanentSenderRefused,
    (ErrorClass.MISCONFIGURED, Phase.MAIL): MisconfiguredSenderRefused,
    (ErrorClass.TRANSIENT, Phase.RCPT): TransientRecipientsRefused,
    (ErrorClass.PERMANENT, Phase.RCPT): PermanentRecipientsRefused,
    **{(ErrorClass.TRANSIENT, phase): TransientDataError for phase in (Phase.DATA, Phase.BODY, Phase.FINAL_REPLY)},
    **{(ErrorClass.PERMANENT, phase): PermanentDataError for phase in (Phase.DATA, Phase.BODY, Phase.FINAL_REPLY)},
    (ErrorClass.UNKNOWN, Phase.FINAL_REPLY): UnknownDataError,
}


def fault_error(fault: Fault) -> DeliveryError:
    """The leaf for ``fault``: by class axis and phase; a lost connection (no code) is a disconnection."""
    lost = fault.code is None and fault.scope is Scope.CONNECTION and fault.phase not in _CONNECT_PHASES
    if lost and fault.error_class is ErrorClass.TRANSIENT:
        return TransientDisconnected.of(fault)
    if fault.code is None and fault.error_class is ErrorClass.UNKNOWN:
        return UnknownDisconnected.of(fault)
    leaf = _LEAVES.get((fault.error_class, fault.phase), _CLASS_AXIS[fault.error_class])
    return leaf.of(fault)
