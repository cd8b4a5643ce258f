"""``NOTIFIER_UNSUBSCRIBE_URL``, ``_KEYS`` and ``_FOR``: where recipients unsubscribe, and what their links are made with."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import urlsplit

from notifier.delivery.signatures import SigningKey
from notifier.settings.parsers import seconds
from notifier.settings.signing import parse_signing_keys
from notifier.smtp.hosts import as_target

LONGEST = 150  # characters: with the token behind it it stays a line of a header
SHORTEST_LIFE = 30 * 86400.0  # seconds; 15 U.S.C. 7704(a)(3) (CAN-SPAM) wants a way out that works so long


def unsubscribe_url(text: str) -> str:
    """An https URL without query, fragment and user; empty: none."""
    if not text:
        return text
    try:
        parts = urlsplit(text)
        as_target(parts.hostname or "")
    except ValueError as error:
        raise ValueError(f"is no URL: {error}") from None
    if parts.scheme != "https" or parts.username or parts.password or "?" in text or "#" in text:
        raise ValueError("is https://host/path without user, query and fragment: RFC 8058 knows nothing else")
    if not text.isascii() or not text.isprintable() or set(' <>",=') & set(text) or len(text) > LONGEST:
        raise ValueError(f"is a URL of {LONGEST} characters at most, percent-encoded where need be")
    return text


def unsubscribe_keys(text: str) -> tuple[SigningKey, ...]:
    """``id:secret`` with blanks between, the newest first. Raises `ValueError`, which never holds one."""
    keys = parse_signing_keys(text)
    if keys and find_spec("cryptography") is None:
        raise ValueError("needs: pip install notifier-worker[dkim]")
    return keys


def unsubscribe_for(text: str) -> float:
    """Seconds that a link is good for."""
    value = seconds(text)
    if value < SHORTEST_LIFE:
        raise ValueError(f"is {SHORTEST_LIFE:.0f} s (30 days) or more: laws want a link that works for so long")
    return value
