"""`SMTP` and `SMTP_SSL`: the standard library's client classes, method by method, in lock step.

What programs rely on is kept: signatures, attributes, return shapes, exceptions, the points that subclasses override
(`SMTP._get_socket`, the ``auth_…`` methods, every command). What the standard module does wrong is not; the table
stands in ``docs/reference/dropin.md``.
"""

from __future__ import annotations

import re
import socket
import ssl
import sys
import warnings
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from notifier.protocol.reply import Reply
from notifier.protocol.transparency import framed
from notifier.smtp.deadline import Deadline
from notifier.smtp.dropin.addresses import bare_address, checked_options, checked_path, message_octets
from notifier.smtp.dropin.exceptions import (
    SMTPConnectError,
    SMTPDataError,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from notifier.smtp.dropin.exchange import Ended, Exchange, OutOfStep
from notifier.smtp.dropin.login import LoginMethods

if TYPE_CHECKING:
    from email.message import EmailMessage, Message

SMTP_PORT = 25
SMTP_SSL_PORT = 465
CRLF = "\r\n"
bCRLF = b"\r\n"  # noqa: N816 - the standard module's name
OLDSTYLE_AUTH = re.compile(r"auth=(.*)", re.IGNORECASE)
_FEATURE = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*) ?(.*)\Z", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DEFAULT_TIMEOUT: Any = socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]  # the standard module's own default

Answer = tuple[int, bytes]
Refused = dict[str, Answer]


class SMTP(LoginMethods):
    """A connection to an SMTP server. ``timeout`` (seconds) is the time that each command has, in all.

    Attributes: ``helo_resp``, ``ehlo_resp``, ``does_esmtp``, ``esmtp_features`` (lower case, with parameters), ``sock``,
    ``local_hostname``, ``source_address``, ``timeout``, ``debuglevel``; ``final_replies``: the last message's final
    replies, with the server's queue ids.
    """

    debuglevel = 0
    sock: Any = None
    file: Any = None
    helo_resp: bytes | None = None
    ehlo_msg = "ehlo"
    ehlo_resp: bytes | None = None
    does_esmtp = False
    default_port = SMTP_PORT
    command_encoding = "ascii"

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        timeout: float | None = _DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
    ) -> None:
        """Connect where a host is given. Raises `SMTPConnectError`, `OSError`, `ValueError` for a timeout of 0."""
        self._host = host
        self.timeout = timeout
        self.esmtp_features: dict[str, str] = {}
        self.source_address = source_address
        self.final_replies: list[Answer] = []
        self._accepted: list[str] = []
        self._exchange = Exchange()
        self._deadline: Deadline | None = None
        self._counted = False  # what is sent now has been counted already
        if host:
            code, msg = self.connect(host, port)
            if code != 220:
                self.close()
                raise SMTPConnectError(code, msg)
        self.local_hostname = _own_name() if local_hostname is None else local_hostname

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

    def set_debuglevel(self, debuglevel: int) -> None:
        """1 prints the dialogue on stderr, 2 with the time; logins are shown as ``***``."""
        self.debuglevel = debuglevel

    def _print_debug(self, *args: object) -> None:
        if self.debuglevel > 1:
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

    def _begin(self, sock: Any) -> None:
        if isinstance(sock, socket.socket) and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._forget()
        self.sock, self._exchange, self._deadline = sock, Exchange(), None

    def close(self) -> None:
        """Close the connection, and forget what the server said on it."""
        sock, self.sock, self.file = self.sock, None, None
        self._forget()
        if sock is not None:
            sock.close()

    def _forget(self) -> None:
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
        self.command_encoding = "ascii"
        self._accepted = []

    def quit(self) -> Answer:
        """QUIT and close; returns the reply."""
        reply = self.docmd("quit")
        self.close()
        return reply

    # octets ---------------------------------------------------------------------------------------------------------

    def send(self, s: str | bytes) -> None:
        """Send octets, or text in the command's encoding, as they are. Raises `SMTPServerDisconnected`."""
        if not self._counted:
            self._exchange.owed = None  # what replies they call for is the caller's business
        if self.debuglevel > 0:
            self._print_debug("send:", self._shown(s))
        if not self.sock:
            raise SMTPServerDisconnected("please run connect() first")
        octets = s.encode(self.command_encoding) if isinstance(s, str) else s
        sys.audit("smtplib.send", self, octets)
        self._deadline = self._time()
        try:
            self._exchange.write(self.sock, octets, self._deadline)
        except OSError as error:
            self.close()
            raise SMTPServerDisconnected(f"Server not connected: {error}") from error

    def _shown(self, s: str | bytes) -> str:
        text = s if isinstance(s, str) else s.decode("ascii", "backslashreplace")
        if self._answering:
            words = text.split(" ")
            return repr(" ".join(words[:2]) + " ***" if words[0].upper() == "AUTH" and words[2:] else "***")
        return repr(s)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command line. Raises `ValueError` for control characters in it, before anything is sent."""
        line = f"{cmd} {args}" if args else cmd
        if _CONTROL.search(line):
            raise ValueError(f"control characters in a command: {line!r}")
        line.encode(self.command_encoding)  # raises before anything is owed
        if self.sock and (why := self._out_of_step()) is not None:
            self.close()
            raise SMTPServerDisconnected(f"the server is out of step: {why}")
        self._send(f"{line}{CRLF}", replies=1)

    def _out_of_step(self) -> str | None:
        try:
            return self._exchange.unasked(self.sock)
        except OSError as error:
            return str(error)

    def _send(self, s: str | bytes, replies: int) -> None:
        """`send`, which programs override, for so many replies."""
        if self._exchange.owed is not None:
            self._exchange.owed += replies
        self._counted = True
        try:
            self.send(s)
        finally:
            self._counted = False

    def getreply(self) -> Answer:
        """The next reply: its code, and its lines joined by LF.

        Raises `SMTPServerDisconnected` where the connection ends, the time is over, or what came is no reply.
        """
        if not self.sock:
            raise SMTPServerDisconnected("please run connect() first")
        deadline, self._deadline = self._deadline or self._time(), None
        try:
            reply = self._exchange.read(self.sock, deadline)
        except (OSError, Ended, OutOfStep) as error:
            self.close()
            why = f": {error}" if str(error) else ""
            raise SMTPServerDisconnected(f"Connection unexpectedly closed{why}") from error
        return self._answer_of(reply)

    def _answer_of(self, reply: Reply) -> Answer:
        words = b"\n".join(line.strip(b" \t") for line in reply.lines)
        if self.debuglevel > 0:
            shown = "***" if reply.code == 334 and self._answering else ascii(words)
            self._print_debug(f"reply: retcode ({reply.code}); Msg: {shown}")
        return reply.code, words

    def docmd(self, cmd: str, args: str = "") -> Answer:
        """Send a command; returns its reply."""
        self.putcmd(cmd, args)
        return self.getreply()

    def _time(self) -> Deadline | None:
        seconds = socket.getdefaulttimeout() if self.timeout is _DEFAULT_TIMEOUT else self.timeout
        return None if seconds is None else Deadline.after(seconds)

    # commands -------------------------------------------------------------------------------------------------------

    def helo(self, name: str = "") -> Answer:
        """HELO."""
        code, msg = self.docmd("helo", name or self.local_hostname)
        self.helo_resp = msg
        return code, msg

    def ehlo(self, name: str = "") -> Answer:
        """EHLO, or LHLO; fills ``esmtp_features``."""
        self.esmtp_features = {}
        code, msg = self.docmd(self.ehlo_msg, name or self.local_hostname)
        self.ehlo_resp = msg
        if code == 250:
            self.does_esmtp = True
            for line in msg.decode("latin-1").split("\n")[1:]:
                self._note_feature(line)
        return code, msg

    def _note_feature(self, line: str) -> None:
        if (old := OLDSTYLE_AUTH.match(line)) is not None:
            keyword, parameters = "auth", old[1]
        elif (found := _FEATURE.match(line)) is not None:
            keyword, parameters = found[1].lower(), found[2].strip()
        else:
            return
        if keyword == "auth":
            parameters = f"{self.esmtp_features.get('auth', '')} {parameters}"
        self.esmtp_features[keyword] = parameters

    def ehlo_or_helo_if_needed(self) -> None:
        """Greet, if it has not been done. Raises `SMTPHeloError`."""
        if self.helo_resp is not None or self.ehlo_resp is not None:
            return
        code, msg = self.ehlo()
        if not 200 <= code <= 299 and self.ehlo_msg == "ehlo":
            code, msg = self.helo()
        if not 200 <= code <= 299:
            raise SMTPHeloError(code, msg)

    def has_extn(self, opt: str) -> bool:
        """True where the server offers the extension, in any case of letters."""
        return opt.lower() in self.esmtp_features

    def help(self, args: str = "") -> bytes:
        """HELP; returns the words."""
        return self.docmd("help", args)[1]

    def rset(self) -> Answer:
        """RSET."""
        self.command_encoding = "ascii"
        self._accepted = []
        return self.docmd("rset")

    def _rset(self) -> None:
        """After a refusal; where the server has gone, the next command says so."""
        try:
            self.rset()
        except SMTPServerDisconnected:
            return

    def noop(self) -> Answer:
        """NOOP."""
        return self.docmd("noop")

    def mail(self, sender: str, options: Sequence[str] = ()) -> Answer:
        """MAIL. Raises `SMTPNotSupportedError` where SMTPUTF8 is asked for and not offered, `ValueError`."""
        wishes = ""
        if options and self.does_esmtp:
            wishes = checked_options(options)
            if "smtputf8" in wishes.lower().split():
                if not self.has_extn("smtputf8"):
                    raise SMTPNotSupportedError("SMTPUTF8 not supported by server")
                self.command_encoding = "utf-8"
        self._accepted = []
        return self.docmd("mail", f"FROM:{checked_path(sender, 'sender')}{wishes}")

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> Answer:
        """RCPT. Raises `ValueError`."""
        wishes = checked_options(options) if options and self.does_esmtp else ""
        reply = self.docmd("rcpt", f"TO:{checked_path(recip, 'recipient')}{wishes}")
        if reply[0] in (250, 251):
            self._accepted.append(recip)
        return reply

    def data(self, msg: str | bytes) -> Answer:
        """DATA and the message; returns the final reply. Raises `SMTPDataError` where DATA is refused."""
        octets = framed(message_octets(msg))
        code, reply = self.docmd("data")
        if self.debuglevel > 0:
            self._print_debug("data:", (code, reply))
        if code != 354:
            raise SMTPDataError(code, reply)
        self._send(octets, self._final_replies_to_come())
        self.final_replies = [self.getreply() for _ in range(self._final_replies_to_come())]
        if self.debuglevel > 0:
            self._print_debug("data:", self.final_replies)
        return self.final_replies[-1]

    def _final_replies_to_come(self) -> int:
        return 1

    def verify(self, address: str) -> Answer:
        """VRFY."""
        return self.docmd("vrfy", bare_address(address))

    vrfy = verify

    def expn(self, address: str) -> Answer:
        """EXPN."""
        return self.docmd("expn", bare_address(address))

    # TLS ------------------------------------------------------------------------------------------------------------

    def starttls(
        self, keyfile: str | None = None, certfile: str | None = None, context: ssl.SSLContext | None = None
    ) -> Answer:
        """STARTTLS, with chain and name verified unless ``context`` says otherwise; returns the reply.

        Raises `SMTPNotSupportedError`, `SMTPResponseException`, `ssl.SSLError`.
        """
        context = _context(keyfile, certfile, context)
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise SMTPNotSupportedError("STARTTLS extension not supported by server.")
        code, msg = self.docmd("STARTTLS")
        if code != 220:
            raise SMTPResponseException(code, msg)
        if self._exchange.left_over or self._out_of_step() is not None:  # an injection (RFC 3207, CVE-2011-0411)
            self.close()
            raise SMTPServerDisconnected("octets behind the reply to STARTTLS")
        sock = self._encrypted(context)
        self._begin(sock)
        self._exchange.owed = 0
        return code, msg

    def _encrypted(self, context: ssl.SSLContext) -> Any:
        deadline = self._time()
        self.sock.settimeout(None if deadline is None else max(deadline.remaining, 0.001))
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
        nobody was accepted, `SMTPDataError`, `SMTPNotSupportedError`, `SMTPHeloError`, and `ValueError` before anything
        is sent. After a refusal the session is reset and can be used.
        """
        recipients = [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)
        octets = message_octets(msg)
        for path in (from_addr, *recipients):
            checked_path(path, "address")
        self.ehlo_or_helo_if_needed()
        self._say_mail(from_addr, [*self._declared(octets, mail_options), *mail_options])
        refused = self._say_rcpts(recipients, rcpt_options)
        return self._say_data(octets, refused)

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

    def _say_rcpts(self, recipients: Sequence[str], options: Sequence[str]) -> Refused:
        refused: Refused = {}
        accepted = 0
        for recipient in recipients:
            code, msg = self.rcpt(recipient, options)
            if code in (250, 251):
                accepted += 1
                continue
            refused[recipient] = (code, msg)
            if code == 421:
                self.close()
                raise SMTPRecipientsRefused(refused)
        if not accepted:
            self._rset()
            raise SMTPRecipientsRefused(refused)
        return refused

    def _say_data(self, octets: bytes, refused: Refused) -> Refused:
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
        """A 421 ends the connection (RFC 5321 section 4.2.2); anything else leaves it to be used again."""
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

        self.ehlo_or_helo_if_needed()
        flat = flattened(msg, from_addr, to_addrs)
        if flat.international:
            if not self.has_extn("smtputf8"):
                raise SMTPNotSupportedError("an address needs SMTPUTF8, and the server does not offer the capability")
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
        timeout: float | None = _DEFAULT_TIMEOUT,
        source_address: tuple[str, int] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """As `SMTP`; ``keyfile`` and ``certfile`` are of Python 3.11 and deprecated."""
        self.context = _context(keyfile, certfile, context)
        super().__init__(host, port, local_hostname, timeout, source_address)

    def _get_socket(self, host: str, port: int, timeout: float | None) -> Any:
        plain = super()._get_socket(host, port, timeout)
        try:
            return self.context.wrap_socket(plain, server_hostname=self._host)
        except Exception:
            plain.close()
            raise


def _context(keyfile: str | None, certfile: str | None, context: ssl.SSLContext | None) -> ssl.SSLContext:
    if context is not None:
        if keyfile is not None or certfile is not None:
            raise ValueError("context and keyfile or certfile exclude each other")
        return context
    context = ssl.create_default_context()
    if keyfile is not None or certfile is not None:
        warnings.warn("keyfile and certfile are deprecated, use context", DeprecationWarning, stacklevel=3)
        context.load_cert_chain(certfile or keyfile or "", keyfile)
    return context


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
