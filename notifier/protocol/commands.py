"""Commands: one type each, one `encode` each. This is the only place that builds a command line.

A control character in any argument is refused before an octet is written: CR LF in an address is how a second
command gets in (CVE-2025-7962 and its family). The check looks at the encoded octets, so that no narrowing of
characters can bring one back.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol

from notifier.errors import Phase
from notifier.model.secret import Secret
from notifier.protocol.hello_name import hello_name
from notifier.protocol.paths import why_no_path

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN_PATH = re.compile(  # what nearly all are; anything else is looked at more closely
    rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@{_LABEL}(?:\.{_LABEL}){{0,5}}\Z"
)
# Short ones, each with a line end behind it: their parts are within every limit because they are. No group is possessive: Python up to
# 3.11.4, which is Debian 12's, takes those for something else (gh-106052), and none of these would match.
_SHORT_PATH = 64  # characters
_SHORT_PATHS = re.compile(r"(?:[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*@[A-Za-z0-9]++(?:(?:-++|\.)[A-Za-z0-9]++)*\n)*\Z")
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(=[!-<>-~]+)?\Z")  # RFC 5321 section 4.1.2, esmtp-param


class Command(Protocol):
    """What the connection needs of a command."""

    @property
    def phase(self) -> Phase:
        """Where in the dialogue it stands."""

    def encode(self) -> bytes:
        """The line with CRLF. Raises `ValueError` for arguments that SMTP cannot carry."""


def _line(text: str, what: str) -> bytes:
    try:
        octets = text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        raise ValueError(f"{what} holds what is no character") from None
    if _CONTROL.search(octets):
        raise ValueError(f"control character in {what}")
    return octets + b"\r\n"


def _path(path: str, what: str) -> str:
    """``path`` in brackets. Raises `ValueError` for what is none by the grammar: ``a@b> SIZE=1`` is an attack."""
    if (why := why_no_path(path)) is not None:
        raise ValueError(f"{what} is no path, {why}: {path!r}")
    return f"<{path}>"


def _checked(parameters: tuple[str, ...]) -> tuple[str, ...]:
    for parameter in parameters:
        if not _PARAMETER.match(parameter):
            raise ValueError(f"no ESMTP parameter: {parameter!r}")
    return parameters


@dataclass(frozen=True, slots=True)
class Greeting:
    """Nothing is sent: the server speaks first (RFC 5321 section 3.1)."""

    phase: ClassVar[Phase] = Phase.GREETING

    def encode(self) -> bytes:
        """Nothing."""
        return b""


@dataclass(frozen=True, slots=True)
class Hello:
    """EHLO, HELO or LHLO with our name (RFC 5321 section 4.1.1.1, RFC 2033 section 4.1)."""

    name: str
    verb: str = "EHLO"
    phase: ClassVar[Phase] = Phase.EHLO

    def encode(self) -> bytes:
        """The line. Raises `ValueError` for a name that is no domain or address literal."""
        if self.verb not in ("EHLO", "HELO", "LHLO"):
            raise ValueError(f"no greeting verb: {self.verb!r}")
        return _line(f"{self.verb} {hello_name(self.name)}", "EHLO name")


@dataclass(frozen=True, slots=True)
class StartTLS:
    """STARTTLS (RFC 3207)."""

    phase: ClassVar[Phase] = Phase.STARTTLS

    def encode(self) -> bytes:
        """The line."""
        return b"STARTTLS\r\n"


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH with its initial response, if it has one (RFC 4954 section 4). Never shown."""

    mechanism: str
    initial: Secret | None = None
    phase: ClassVar[Phase] = Phase.AUTH

    def encode(self) -> bytes:
        """The line, base64 inside."""
        if self.initial is None:
            return _line(f"AUTH {self.mechanism}", "AUTH")
        return _line(f"AUTH {self.mechanism} {_base64(self.initial) or '='}", "AUTH")


@dataclass(frozen=True, slots=True)
class AuthAnswer:
    """The answer to a 334. Never shown."""

    response: Secret
    phase: ClassVar[Phase] = Phase.AUTH

    def encode(self) -> bytes:
        """The line: base64, and nothing at all for an empty answer."""
        return _line(_base64(self.response), "AUTH")


def _base64(response: Secret) -> str:
    return base64.b64encode(response.reveal().encode()).decode()


class Body(StrEnum):
    """What the message's octets are (RFC 6152, RFC 3030 section 3)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


@dataclass(frozen=True, slots=True)
class Mail:
    """MAIL FROM: SIZE (RFC 1870, octets), BODY (RFC 6152, RFC 3030), SMTPUTF8 (RFC 6531), and ``parameters`` as they
    stand in the line.
    """

    reverse_path: str
    size: int | None = None
    body: Body | None = None
    smtputf8: bool = False
    parameters: tuple[str, ...] = ()
    phase: ClassVar[Phase] = Phase.MAIL

    def encode(self) -> bytes:
        """The line. Raises `ValueError`."""
        if self.size is not None and (isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 0):
            raise ValueError(f"SIZE is a number of octets, not {self.size!r}")
        if not self.smtputf8 and not self.reverse_path.isascii():
            raise ValueError(f"reverse-path needs SMTPUTF8: {self.reverse_path!r}")
        line = f"MAIL FROM:{_path(self.reverse_path, 'reverse-path') if self.reverse_path else '<>'}"
        if self.size is not None:
            line = f"{line} SIZE={self.size}"
        if self.body is not None:
            line = f"{line} BODY={Body(self.body)}"
        if self.smtputf8:
            line = f"{line} SMTPUTF8"
        return _line(" ".join([line, *_checked(self.parameters)]) if self.parameters else line, "reverse-path")


@dataclass(frozen=True, slots=True)
class Rcpt:
    """RCPT TO, with ``parameters`` as they stand in the line."""

    forward_path: str
    parameters: tuple[str, ...] = ()
    phase: ClassVar[Phase] = Phase.RCPT

    def encode(self) -> bytes:
        """The line. Raises `ValueError`."""
        if not self.forward_path:
            raise ValueError("an empty forward-path")
        line = f"RCPT TO:{_path(self.forward_path, 'forward-path')}"
        return _line(" ".join([line, *_checked(self.parameters)]) if self.parameters else line, "forward-path")


def rcpt_line(forward_path: str) -> bytes:
    """RCPT without parameters. Raises `ValueError`."""
    if _PLAIN_PATH.match(forward_path):
        return b"RCPT TO:<%b>\r\n" % forward_path.encode()
    return Rcpt(forward_path).encode()


def are_plain_paths(reverse_paths: Collection[str], forward_paths: Sequence[str]) -> bool:
    """True where nothing about any of them wants a closer look, so that it may go into `plain_envelope` and `plain_flight` as it
    is. Elsewhere the commands say what is wrong, if anything.
    """
    known = set(reverse_paths)
    known.discard("")  # the null reverse-path
    if not all(map(_PLAIN_PATH.match, known)):
        return False
    if max(map(len, forward_paths), default=0) > _SHORT_PATH:
        return all(map(_PLAIN_PATH.match, forward_paths))
    lines = "\n".join([*forward_paths, ""])
    # One with a line end in it would be taken for two.
    return lines.count("\n") == len(forward_paths) and _SHORT_PATHS.match(lines) is not None


def plain_envelope(reverse_path: str, forward_path: str, size: int | None) -> bytes:
    """MAIL and RCPT of a mail with one recipient, of paths that are plain; ``size`` in octets, where it is declared."""
    if size is None:
        return f"MAIL FROM:<{reverse_path}>\r\nRCPT TO:<{forward_path}>\r\n".encode()
    return f"MAIL FROM:<{reverse_path}> SIZE={size}\r\nRCPT TO:<{forward_path}>\r\n".encode()


def plain_flight(mails: Iterable[tuple[str, str, int, int]], *, declares_size: bool) -> list[bytes]:
    """Of many, each with its reverse-path and forward-path, its size and its octets: RSET, the envelope, and BDAT (RFC 3030 section 2), which
    the octets follow at once. Made in one piece, for calls are what a mail costs here.
    """
    if not declares_size:
        return [
            f"RSET\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<{path}>\r\nBDAT {octets} LAST\r\n".encode()
            for sender, path, _, octets in mails
        ]
    return [
        f"RSET\r\nMAIL FROM:<{sender}> SIZE={size}\r\nRCPT TO:<{path}>\r\nBDAT {octets} LAST\r\n".encode()
        for sender, path, size, octets in mails
    ]


@dataclass(frozen=True, slots=True)
class Bdat:
    """BDAT (RFC 3030 section 2): ``size`` octets follow the line at once. The last one hands the message over."""

    size: int
    last: bool
    phase: ClassVar[Phase] = Phase.FINAL_REPLY

    def encode(self) -> bytes:
        """The line, without the octets that follow it."""
        return b"BDAT %d LAST\r\n" % self.size if self.last else b"BDAT %d\r\n" % self.size


@dataclass(frozen=True, slots=True)
class Data:
    """DATA: the server answers 354, then the message follows."""

    phase: ClassVar[Phase] = Phase.DATA

    def encode(self) -> bytes:
        """The line."""
        return b"DATA\r\n"


@dataclass(frozen=True, slots=True)
class Terminator:
    """The final dot. The message's octets end in CRLF, so that this makes ``CRLF . CRLF``.

    ``replies`` are owed for it: one; over LMTP one for each accepted recipient (RFC 2033 section 4.2); none where they
    are owed since the body began, because a server may give its verdict early.
    """

    replies: int = 1
    phase: ClassVar[Phase] = Phase.FINAL_REPLY

    def encode(self) -> bytes:
        """The line."""
        return b".\r\n"


@dataclass(frozen=True, slots=True)
class Rset:
    """RSET: forget the transaction."""

    phase: ClassVar[Phase] = Phase.RSET

    def encode(self) -> bytes:
        """The line."""
        return b"RSET\r\n"


@dataclass(frozen=True, slots=True)
class Quit:
    """QUIT."""

    phase: ClassVar[Phase] = Phase.QUIT

    def encode(self) -> bytes:
        """The line."""
        return b"QUIT\r\n"


@dataclass(frozen=True, slots=True)
class Cancel:
    """The lone ``*`` that ends an AUTH exchange (RFC 4954 section 4)."""

    phase: ClassVar[Phase] = Phase.AUTH

    def encode(self) -> bytes:
        """The line."""
        return b"*\r\n"
