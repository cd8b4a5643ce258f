"""What may be asked of a relay beside a mail's paths: the ESMTP parameters of MAIL and RCPT, typed.

A value that SMTP cannot carry is refused here, when it is made, with the parameter named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

# Characters as they stand in the line, in xtext: RFC 3461 sections 4.4 and 4.2 (with the address type), RFC 4954 section 5.
MAX_ENVID = 100
MAX_ORCPT = 500
MAX_AUTH = 500
MAX_SECONDS = 999_999_999  # nine digits, RFC 2852 section 4 and RFC 4865 section 4

_PRINTABLE = re.compile(r"[ -~]*\Z")  # what xtext can stand for (RFC 3461 section 4)
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")  # RFC 3461 section 4: "+" and "=" are escaped, and everything that is no print
_ADDR_TYPE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\Z")
_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})


def xtext(text: str) -> str:
    """``text`` as xtext (RFC 3461 section 4)."""
    return _NOT_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)


@dataclass(frozen=True, slots=True)
class DeliverBy:
    """DELIVERBY (RFC 2852): deliver within ``seconds``, or return the mail (``R``), or tell the sender (``N``)."""

    seconds: int
    mode: Literal["R", "N"]
    trace: bool = False

    def __post_init__(self) -> None:
        _check_number("DELIVERBY", self.seconds, -MAX_SECONDS, MAX_SECONDS)
        if self.mode not in ("R", "N"):
            raise ValueError(f"DELIVERBY mode is R or N, not {self.mode!r}")
        if self.mode == "R" and self.seconds <= 0:  # RFC 2852 section 4: a time that has passed returns nothing
            raise ValueError("DELIVERBY with mode R needs a time ahead")
        _check_type("DELIVERBY trace", self.trace, bool)


@dataclass(frozen=True, slots=True)
class MailParameters:
    """For MAIL: ``ret`` and ``envid`` (RFC 3461), ``require_tls`` (RFC 8689), ``deliver_by`` (RFC 2852), ``hold_for``
    seconds or ``hold_until`` (RFC 4865), ``priority`` from -9 to 9 (RFC 6710), ``auth``: the mailbox that submitted,
    or an empty one for unknown (RFC 4954 section 5).

    Raises `ValueError` for values that the RFCs do not allow.
    """

    ret: Literal["FULL", "HDRS"] | None = None
    envid: str | None = None
    require_tls: bool = False
    deliver_by: DeliverBy | None = None
    hold_for: int | None = None
    hold_until: datetime | None = None
    priority: int | None = None
    auth: str | None = None

    def __post_init__(self) -> None:
        if self.ret not in (None, "FULL", "HDRS"):
            raise ValueError(f"RET is FULL or HDRS, not {self.ret!r}")
        _check_text("ENVID", self.envid, MAX_ENVID)
        _check_text("AUTH", self.auth, MAX_AUTH)
        if self.envid == "":
            raise ValueError("ENVID is empty, and no parameter may be (RFC 5321 section 4.1.2)")
        _check_type("REQUIRETLS", self.require_tls, bool)
        if self.deliver_by is not None:
            _check_type("DELIVERBY", self.deliver_by, DeliverBy)
        if self.hold_for is not None:
            _check_number("HOLDFOR", self.hold_for, 1, MAX_SECONDS)
        if self.hold_until is not None:
            _check_moment("HOLDUNTIL", self.hold_until)
        if self.hold_for is not None and self.hold_until is not None:
            raise ValueError("HOLDFOR and HOLDUNTIL exclude each other")
        if self.priority is not None:
            _check_number("MT-PRIORITY", self.priority, -9, 9)


@dataclass(frozen=True, slots=True)
class RcptParameters:
    """For RCPT (RFC 3461): ``notify`` holds ``NEVER`` alone, or some of ``SUCCESS``, ``FAILURE``, ``DELAY``;
    ``orcpt`` is the original recipient with its type, such as ``rfc822;zoe@example.com``.

    Raises `ValueError` for values that the RFC does not allow.
    """

    notify: tuple[str, ...] = ()
    orcpt: str | None = None

    def __post_init__(self) -> None:
        _check_notify(self.notify)
        if self.orcpt is None:
            return
        _check_text("ORCPT", self.orcpt, MAX_ORCPT)
        kind, semicolon, address = self.orcpt.partition(";")
        if not (semicolon and address and _ADDR_TYPE.match(kind)):
            raise ValueError(f"ORCPT is a type, a semicolon and an address, not {self.orcpt!r}")


def _check_notify(notify: Iterable[str]) -> None:
    wishes = tuple(notify)
    fine = not wishes or wishes == ("NEVER",) or (_NOTIFY.issuperset(wishes) and len(set(wishes)) == len(wishes))
    if not fine or isinstance(notify, str):
        raise ValueError(f"NOTIFY is NEVER alone, or some of SUCCESS, FAILURE and DELAY, not {notify!r}")


def _check_text(name: str, value: str | None, longest: int) -> None:
    if value is None:
        return
    if not isinstance(value, str) or not _PRINTABLE.match(value):
        raise ValueError(f"{name} holds printable ASCII, not {value!r}")
    if len(xtext(value)) > longest:
        raise ValueError(f"{name} is over {longest} characters in xtext")


def _check_number(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is a whole number from {least} to {most}, not {value!r}")


def _check_moment(name: str, value: datetime) -> None:
    _check_type(name, value, datetime)
    if value.tzinfo is None:
        raise ValueError(f"{name} needs a time with its time zone")
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{name} is a time that UTC has no year for: {value}") from None


def _check_type(name: str, value: object, kind: type) -> None:
    """A text that says no is true, and a dict has no seconds: found here, and not when the mail is on its way."""
    if not isinstance(value, kind):
        raise ValueError(f"{name} is a {kind.__name__}, not {value!r}")  # noqa: TRY004 - as all that is refused here
