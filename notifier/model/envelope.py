"""What the SMTP session is given: an envelope and octets (RFC 5321 section 2.3.1, "mail objects")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from notifier.model.parameters import MailParameters, RcptParameters


@dataclass(frozen=True, slots=True)
class Envelope:
    """``reverse_path`` and ``forward_paths`` without angle brackets; an empty reverse-path is the null sender.

    ``parameters`` and ``rcpt_parameters`` (by forward-path) are what the relay is asked for beside.
    """

    reverse_path: str
    forward_paths: tuple[str, ...]
    parameters: MailParameters | None = None
    rcpt_parameters: Mapping[str, RcptParameters] = field(default_factory=dict)

    @property
    def needs_smtputf8(self) -> bool:
        """True where a path is not ASCII (RFC 6531)."""
        return not (self.reverse_path.isascii() and all(map(str.isascii, self.forward_paths)))


@dataclass(frozen=True, slots=True)
class MailObject:
    """An envelope and the message's octets: CRLF line ends, no bare CR or LF (unless ``binary``), not dot-stuffed."""

    envelope: Envelope
    data: bytes = field(repr=False)
    smtputf8: bool = False  # the header holds UTF-8, or a path needs it
    eight_bit: bool = False  # the body holds octets over 127: needs 8BITMIME
    binary: bool = False  # the octets are no lines: needs CHUNKING with BINARYMIME (RFC 3030 section 3)
