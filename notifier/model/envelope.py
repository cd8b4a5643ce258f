"""What the SMTP session is given: an envelope and octets (RFC 5321 section 2.3.1, "mail objects")."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Envelope:
    """``reverse_path`` and ``forward_paths`` without angle brackets; an empty reverse-path is the null sender."""

    reverse_path: str
    forward_paths: tuple[str, ...]

    @property
    def needs_smtputf8(self) -> bool:
        """True where a path is not ASCII (RFC 6531)."""
        return not (self.reverse_path.isascii() and all(path.isascii() for path in self.forward_paths))


@dataclass(frozen=True, slots=True)
class MailObject:
    """An envelope and the message's octets: CRLF line ends, no bare CR or LF, not yet dot-stuffed."""

    envelope: Envelope
    data: bytes = field(repr=False)
    smtputf8: bool = False  # the header holds UTF-8, or a path needs it
    eight_bit: bool = False  # the body holds octets over 127: needs 8BITMIME
