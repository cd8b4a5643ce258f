"""`SMTP` and `SMTP_SSL`: the standard library's client classes, method by method, in lock step.

What programs rely on is kept: signatures, attributes, return shapes, exceptions, the points that subclasses override
(`SMTP._get_socket`, the ``auth_…`` methods, every command). What the standard module does wrong is not; the table
stands in ``docs/reference/dropin.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from notifier.smtp.dropin.addresses import message_octets
from notifier.smtp.dropin.dialogue import DEFAULT_TIMEOUT, Answer
from notifier.smtp.dropin.envelope import Envelope
from notifier.smtp.dropin.exceptions import (
    SMTPDataError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from notifier.smtp.dropin.login import LoginMethods
from notifier.smtp.dropin.tls import tls_context

if TYPE_CHECKING:
    import ssl
    from email.message import EmailMessage, Message

SMTP_SSL_PORT = 465

_NEEDS_SMTPUTF8 = (
    "One or more source or delivery addresses require internationalized email support, but the server does not advertise"
    " the required SMTPUTF8 capability"
)

Refused = dict[str, Answer]


class SMTP(LoginMethods):
    """A connection to an SMTP server. ``timeout`` (seconds) is the time that each command has, in all.

    Attributes: ``helo_resp``, ``ehlo_resp``, ``does_esmtp``, ``esmtp_features`` (lower case, with parameters), ``sock``,
    ``local_hostname``, ``source_address``, ``timeout``, ``debuglevel``; ``final_replies``: the last message's final
    replies, with the server's queue ids, as far as they came.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            code, msg = self.docmd("QUIT")
            if code != 221:
                raise SMTPResponseException(code, msg)
        except SMTPServerDisconnected:
            pass  # it is what was wanted
        finally:
            self.close()

    def starttls(
        self, keyfile: str | None = None, certfile: str | None = None, context: ssl.SSLContext | None = None
    ) -> Answer:
        """STARTTLS, with chain and name verified unless ``context`` says otherwise; returns the reply.

        Raises `SMTPNotSupportedError`, `SMTPResponseException`, `ssl.SSLError`.
        """
        context = tls_context(keyfile, certfile, context)
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise SMTPNotSupportedError("STARTTLS extension not supported by server.")
        code, msg = self.docmd("STARTTLS")
        if code != 220:
            raise SMTPResponseException(code, msg)
        # What lies behind it is an injection (RFC 3207, CVE-2011-0411).
        if self._exchange.left_over or self._exchange.unasked(self.sock) is not None:
            self.close()
            raise SMTPServerDisconnected("octets behind the reply to STARTTLS")
        self._begin(self._encrypted(context), greeted=True)
        return code, msg

    def _encrypted(self, context: ssl.SSLContext) -> Any:
        try:
            return context.wrap_socket(self.sock, server_hostname=self._host or None)
        except Exception:
            self.close()
            raise

    # whole mails ----------------------------------------------------------------------------------------------------

    def sendmail(
        self,
        from_addr: str,
        to_addrs: str | Sequence[str],
        msg: str | bytes,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> Refused:
        """One mail; returns the recipients that were refused, with their replies.

        A string must be ASCII; line ends are made CRLF. Raises `SMTPSenderRefused`, `SMTPRecipientsRefused` where
        nobody was accepted, `SMTPDataError`, `SMTPNotSupportedError`, `SMTPHeloError`, and `ValueError`, which names the
        argument, before MAIL. After a refusal the session is reset and can be used.
        """
        self._begin_mail()
        envelope = Envelope.checked(from_addr, to_addrs, mail_options, rcpt_options)
        envelope.check_encoding("utf-8" if envelope.international else self.command_encoding)
        octets = message_octets(msg)
        self.ehlo_or_helo_if_needed()
        if not self.does_esmtp:  # and so there are no options, SMTPUTF8 neither
            envelope.check_encoding(self.command_encoding)
        with self._no_transaction_left_open():
            return self._say(envelope, octets)

    def _say(self, envelope: Envelope, octets: bytes) -> Refused:
        self._say_mail(envelope.from_addr, [*self._declared(octets, envelope.mail_options), *envelope.mail_options])
        refused, owners = self._say_rcpts(envelope.to_addrs, envelope.rcpt_options)
        return self._say_data(octets, refused, owners)

    @contextmanager
    def _no_transaction_left_open(self) -> Iterator[None]:
        """Whatever is raised, by an overridden command too: the next mail finds no half of this one."""
        try:
            yield
        except Exception:
            if self._exchange.in_message:  # RSET would be a line of its text
                self.close()
            elif self._exchange.in_transaction:
                self._rset()
            raise

    def _declared(self, octets: bytes, mail_options: Sequence[str]) -> list[str]:
        if not self.does_esmtp:
            return []
        declared = [f"size={len(octets)}"] if self.has_extn("size") else []
        said = any(option.lower().startswith("body=") for option in mail_options)
        if not said and not octets.isascii() and self.has_extn("8bitmime"):
            declared.append("BODY=8BITMIME")  # RFC 6152 section 3: octets over 127 are announced
        return declared

    def _say_mail(self, from_addr: str, options: Sequence[str]) -> None:
        code, msg = self.mail(from_addr, options)
        if code != 250:
            self._after_refusal(code)
            raise SMTPSenderRefused(code, msg, from_addr)

    def _say_rcpts(self, recipients: Sequence[str], options: Sequence[str]) -> tuple[Refused, list[str]]:
        """Who was refused; and whose RCPTs stand, in their order, which is that of LMTP's final replies."""
        refused: Refused = {}
        owners: list[str] = []
        accepted = False
        for recipient in recipients:
            before = self._exchange.recipients
            code, msg = self.rcpt(recipient, options)
            owners += [recipient] * (self._exchange.recipients - before)
            if code in (250, 251):
                accepted = True
                continue
            refused[recipient] = (code, msg)
            if code == 421:
                self.close()
                raise SMTPRecipientsRefused(refused)
        if not accepted:
            self._rset()
            raise SMTPRecipientsRefused(refused)
        return refused, owners

    def _say_data(self, octets: bytes, refused: Refused, owners: Sequence[str]) -> Refused:  # noqa: ARG002 - LMTP's
        try:
            code, msg = self.data(octets)
        except SMTPDataError as error:
            self._after_refusal(error.smtp_code)
            raise
        if code != 250:
            self._after_refusal(code)
            raise SMTPDataError(code, msg)
        return refused

    def _after_refusal(self, code: int) -> None:
        """A 421 ends the connection (RFC 5321 section 3.8); anything else leaves it to be used again."""
        if code == 421:
            self.close()
        else:
            self._rset()

    def send_message(
        self,
        msg: Message[Any, Any] | EmailMessage,
        from_addr: str | None = None,
        to_addrs: str | Sequence[str] | None = None,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> Refused:
        """A message object: who sends and who gets it from its fields, Sender before From, Resent- fields before all.

        Bcc is not transmitted. Raises `ValueError` for fields that do not say it, and what `sendmail` raises.
        """
        from notifier.smtp.dropin.message import flattened  # noqa: PLC0415 - see there

        flat = flattened(msg, from_addr, to_addrs)
        self.ehlo_or_helo_if_needed()
        if flat.international:
            if not self.has_extn("smtputf8"):
                raise SMTPNotSupportedError(_NEEDS_SMTPUTF8)
            mail_options = (*mail_options, "SMTPUTF8", "BODY=8BITMIME")
        return self.sendmail(flat.sender, flat.recipients, flat.octets, mail_options, rcpt_options)


class SMTP_SSL(SMTP):  # noqa: N801 - the standard module's name
    """TLS from the first octet, with chain and name verified unless ``context`` says otherwise."""

    default_port = SMTP_SSL_PORT

    def __init__(  # noqa: PLR0917 - the standard module's signature
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        keyfile: str | None = None,
        certfile: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """As `SMTP`; ``keyfile`` and ``certfile`` are of Python 3.11 and deprecated."""
        self.context = tls_context(keyfile, certfile, context)
        self.keyfile, self.certfile = keyfile, certfile
        super().__init__(host, port, local_hostname, timeout, source_address)

    def _get_socket(self, host: str, port: int, timeout: float | None) -> Any:
        plain = super()._get_socket(host, port, timeout)
        try:
            return self.context.wrap_socket(plain, server_hostname=self._host)
        except Exception:
            plain.close()
            raise
