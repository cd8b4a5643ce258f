"""Parsers of single settings: text in, value out, `ValueError` with a sentence for people."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from notifier.errors import InvalidAddress
from notifier.model.address import Address
from notifier.model.limits import DomainRates
from notifier.model.secret import Secret
from notifier.smtp.hosts import as_target

_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(|s|min|h|d)\Z")
_SPANS = {"": 1, "s": 1, "min": 60, "h": 3600, "day": 86400}
SHORTEST_SECRET = 16  # characters
Parser = Callable[[str], Any]
BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "unix", "sentinel", "amqp", "amqps", "pyamqp", "memory")
STORE_SCHEMES = ("redis", "rediss", "unix")


def seconds(text: str) -> float:
    """A finite number of seconds over 0."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"is a number of seconds, such as 2.5, and not {text!r}") from None
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"is a finite number of seconds over 0, and not {text!r}")
    return value


def seconds_or_unset(text: str) -> float | None:
    """The same; None where nothing is written."""
    return seconds(text) if text else None


def span(text: str) -> float:
    """Seconds: a number over 0, or ``90s``, ``5min``, ``2h``, ``3d``."""
    found = _SPAN.match(text)
    if found is None or not float(found[1]):
        raise ValueError(f"is a span of time over 0, such as 90s, 5min, 2h or 3d, and not {text!r}")
    return float(found[1]) * {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}[found[2]]


def factor(text: str) -> float:
    """A finite number over 0."""
    try:
        return seconds(text)
    except ValueError:
        raise ValueError(f"is a finite number over 0, such as 0.5, and not {text!r}") from None


def rate(text: str) -> float:
    """Mails a second: a number over 0, or ``100/min``, ``5000/h``, ``50000/day``."""
    number, _, span = text.partition("/")
    try:
        return factor(number) / _SPANS[span.strip().lower()]
    except (ValueError, KeyError):
        raise ValueError(f"is a number of mails a second, or such as 100/min or 5000/h, and not {text!r}") from None


def domain_rates(text: str) -> DomainRates:
    """``gmail.com=20 example.org=100/min *=5``: a rate for each domain; ``*`` is that of each of the others."""
    named: dict[str, float] = {}
    for part in text.split():
        domain, _, given = part.rpartition("=")
        try:
            key = domain if domain == "*" else Address.parse(f"postmaster@{domain}").ascii_domain.lower()
        except InvalidAddress:
            raise ValueError(f"is written domain=rate, such as example.org=100/min, and not {part!r}") from None
        if key in named:
            raise ValueError(f"names {domain} twice")
        try:
            named[key] = rate(given)
        except ValueError as error:
            raise ValueError(f"has a rate for {domain} that {error}") from None
    others = named.pop("*", None)
    return DomainRates(named, others)


def count(text: str) -> int:
    """A whole number over 0."""
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise ValueError(f"is a whole number over 0, and not {text!r}")
    return int(text)


def one_of(*names: str) -> Parser:
    """One of these words."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"is one of {', '.join(names)}, and not {text!r}")
        return text

    return parse


def address(text: str) -> Address:
    """A mailbox."""
    try:
        return Address.parse(text)
    except InvalidAddress as error:
        raise ValueError(f"is no address: {error}") from error


def addresses(text: str) -> tuple[Address, ...]:
    """With commas between them. Raises `ValueError`."""
    return tuple(address(one.strip()) for one in text.split(",") if one.strip())


def modules(text: str) -> tuple[str, ...]:
    """Names of modules with blanks between them. Raises `ValueError`."""
    for name in text.split():
        if not all(part.isidentifier() for part in name.split(".")):
            raise ValueError(f"names modules such as shop.reports, and {name!r} is none")
    return tuple(text.split())


def feedback_id(text: str) -> str:
    """The last part of a Feedback-ID; empty: none."""
    if text and not re.fullmatch(r"[A-Za-z0-9_-]{5,15}", text):
        raise ValueError(f"is 5 to 15 letters, digits, - and _, and not {text!r}")
    return text


def folders(text: str) -> tuple[Path, ...]:
    """Folders that are there, divided as in PATH."""
    found = tuple(Path(part) for part in text.split(os.pathsep) if part)
    for folder in found:
        if not folder.is_dir():
            raise ValueError(f"names the folder {str(folder)!r}, which is not there")
    return found


def whole_folders(text: str) -> tuple[Path, ...]:
    """The same, by their whole paths: what they mean does not change with the folder that a process was started in."""
    found = folders(text)
    for folder in found:
        if not folder.is_absolute() or ".." in folder.parts:
            raise ValueError(f"names folders by their whole paths, and not {str(folder)!r}")
    return found


def state_folder(text: str) -> Path:
    """A folder that need not be there yet, by its whole path; empty: the user's own."""
    if not text:
        return _own_state_folder()
    if not Path(text).is_absolute():
        raise ValueError(f"is the whole path of a folder, and not {text!r}")
    return Path(text)


def file_to_be(text: str) -> Path | None:
    """A file by its whole path, there or not (logs are rotated); empty: none."""
    if text and not Path(text).is_absolute():
        raise ValueError(f"is the whole path of a file, and not {text!r}")
    return Path(text) if text else None


def _own_state_folder() -> Path:
    """By the XDG base directories; a service's user often has no home that it may write to."""
    home = Path(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"))  # noqa: PTH111 - it cannot fail
    if home.is_absolute():
        there = next(folder for folder in (home, *home.parents) if os.access(folder, os.F_OK))
        if os.access(there, os.W_OK):
            return home / "notifier" / "journal"
    # Directly in it: where others may write beside ours, only its sticky bit keeps them from exchanging it.
    return Path(tempfile.gettempdir()) / f"notifier-journal-{os.geteuid()}"


def server_url(*schemes: str) -> Parser:
    """A URL of one of these schemes, kept secret for its password. Error texts never hold the URL itself."""

    def parse(text: str) -> Secret:
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise ValueError("is no URL: host or port cannot be read") from None
        if parts.scheme not in schemes:
            raise ValueError(f"is a URL that begins with one of {', '.join(f'{s}://' for s in schemes)}")
        if port == 0 or any(char.isspace() or ord(char) < 32 for char in text):
            raise ValueError("is no URL: it holds a blank or control character, or port 0")
        return Secret(text)

    return parse


def webhook_url(text: str) -> Secret | None:
    """An https URL, or http to this host; empty: none. Error texts never hold it."""
    if not text:
        return None
    url = server_url("https", "http")(text)
    parts = urlsplit(text)
    try:
        as_target(parts.hostname or "")
    except ValueError as error:
        raise ValueError(f"is no URL: {error}") from None
    if parts.username or parts.password or parts.fragment or not text.isascii():
        raise ValueError("is a URL in ASCII, without user and fragment")
    if parts.scheme == "http" and not _is_this_host(parts.hostname or ""):
        raise ValueError("is https://, or http:// on this host alone: events would go in clear text")
    return cast("Secret", url)


def _is_this_host(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def webhook_secret(text: str) -> tuple[str, Secret] | None:
    """``KEY-ID:SECRET``; empty: none. Error texts never hold it."""
    if not text:
        return None
    key_id, _, secret = text.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,32}", key_id) or len(secret) < SHORTEST_SECRET:
        raise ValueError(
            f"is KEY-ID:SECRET, the secret of {SHORTEST_SECRET} characters or more, such as 2026-01:{'.' * 3}"
        )
    return key_id, Secret(secret)
