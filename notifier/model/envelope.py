"""What the SMTP session is given: an envelope and octets (RFC 5321 section 2.3.1, "mail objects")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from notifier.model.octets import Octets
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

    def __post_init__(self) -> None:
        """Each path once. Raises `TypeError` for what are no paths."""
        paths = self.forward_paths
        if not isinstance(self.reverse_path, str):
            raise TypeError(f"reverse_path is text, not {type(self.reverse_path).__name__}")
        if not isinstance(paths, tuple):
            raise TypeError(f"forward_paths is a tuple of paths, not {type(paths).__name__}")
        if len(paths) > 1:
            object.__setattr__(self, "forward_paths", paths := tuple(dict.fromkeys(paths)))
        for path in paths:
            if not isinstance(path, str):
                raise TypeError(f"forward_paths holds text, not {type(path).__name__}")

    @property
    def needs_smtputf8(self) -> bool:
        """True where a path is not ASCII (RFC 6531)."""
        return not "".join((self.reverse_path, *self.forward_paths)).isascii()


@dataclass(frozen=True, slots=True)
class MailObject:
    """An envelope and the message's octets: CRLF line ends, no bare CR or LF (unless ``binary``), not dot-stuffed."""

    envelope: Envelope
    data: Octets = field(repr=False)
    smtputf8: bool = False  # the header holds UTF-8, or a path needs it
    eight_bit: bool = False  # the body holds octets over 127: needs 8BITMIME
    binary: bool = False  # the octets are no lines: needs CHUNKING with BINARYMIME (RFC 3030 section 3)

    @property
    def is_eight_bit(self) -> bool:
        """True where it holds octets over 127, said or not."""
        return self.eight_bit or not self.data.isascii()
