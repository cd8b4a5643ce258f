"""``NOTIFIER_BOUNCE_…``: where reports about our mail come, how they are known, and what they count for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from notifier.delivery.returning import Returning
from notifier.model.address import MAX_LOCAL_PART, Address
from notifier.model.bounce_token import IN_PATH
from notifier.model.secret import Secret
from notifier.settings import parsers

LONGEST = MAX_LOCAL_PART - IN_PATH - 1  # octets of the local part that the token is put behind
_LOCAL_PART = re.compile(r"[A-Za-z0-9._-]+\Z")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """So many mails may bounce softly in so many seconds before their address is not mailed."""

    mails: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Bounces:
    """``mailbox``: where reports lie, the URL of an IMAP folder or the path of a Maildir."""

    returning: Returning
    tolerance: Tolerance
    unsigned: bool
    mailbox: Secret | None


def bounce_to(text: str) -> Address | None:
    """A mailbox that takes sub-addresses (``bounce+…@``), short enough for a token; empty: none."""
    if not text:
        return None
    address = parsers.address(text)
    if not _LOCAL_PART.match(address.local_part) or len(address.local_part) > LONGEST:
        raise ValueError(
            f"is an address whose local part has {LONGEST} letters, digits, dots, - and _ at most: a token goes behind it"
        )
    return address


def tolerance(text: str) -> Tolerance:
    """``3/30d``."""
    mails, _, seconds = text.partition("/")
    try:
        return Tolerance(parsers.count(mails), parsers.span(seconds))
    except ValueError:
        raise ValueError(f"is written mails/time, such as 3/30d, and not {text!r}") from None


def mailbox(text: str) -> Secret | None:
    """``imaps://user:password@host/folder``, or the whole path of a Maildir; empty: none. Error texts never hold it."""
    if not text:
        return None
    if Path(text).is_absolute():
        return Secret(text)
    try:
        parts = urlsplit(text)
        whole = bool(parts.hostname and parts.username and parts.password) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.scheme not in ("imaps", "imap"):
        raise ValueError("is the whole path of a Maildir, or imaps://user:password@host/folder")
    if parts.scheme == "imap" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("is imaps://, or imap:// on this host alone: the password would go in clear text")
    return Secret(text)


def bounces_of(values: Mapping[str, Any]) -> Bounces:
    """The rows together."""
    return Bounces(
        Returning(values["NOTIFIER_BOUNCE_TO"], values["NOTIFIER_BOUNCE_KEYS"]),
        values["NOTIFIER_BOUNCE_TOLERANCE"],
        values["NOTIFIER_BOUNCE_UNSIGNED"] == "count",
        values["NOTIFIER_BOUNCE_MAILBOX"],
    )
