"""List-Unsubscribe (RFC 2369 section 3.2) and List-Unsubscribe-Post (RFC 8058): what may stand in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from notifier.errors import InvalidHeader

FIELD, POST_FIELD = "List-Unsubscribe", "List-Unsubscribe-Post"
ONE_CLICK = "List-Unsubscribe=One-Click"  # RFC 8058 section 3.1
MAX_URI = 800  # characters: it is not folded, and stays far below the 998 octets of a line
_URI = r"<[!#-;=?-~]+>"  # no blank, quote or bracket inside
_LIST = re.compile(rf"{_URI}(?:, ?{_URI})*\Z")


def one_click(url: str) -> dict[str, str]:
    """Both fields for an https URL that takes the POST."""
    return {FIELD: f"<{url}>", POST_FIELD: ONE_CLICK}


def check_list_unsubscribe(headers: Mapping[str, str]) -> None:
    """Raises `InvalidHeader` unless an application's own fields fit together, and a receiver can use them."""
    given = {name.lower(): value for name, value in headers.items()}
    value, post = given.get(FIELD.lower()), given.get(POST_FIELD.lower())
    schemes = [] if value is None else _schemes(value)
    if post is not None and post != ONE_CLICK:
        raise InvalidHeader(f"{POST_FIELD} is {ONE_CLICK} and nothing else (RFC 8058), not {post!r}")
    if schemes.count("https") > 1:
        raise InvalidHeader(f"{FIELD} has several https:// URIs, and receivers post to one (RFC 8058)")
    if post is not None and "https" not in schemes:
        raise InvalidHeader(f"{POST_FIELD} needs an https:// URI in {FIELD} (RFC 8058)")
    if post is None and "https" in schemes:
        raise InvalidHeader(
            f"{FIELD} has an https:// URI: add {POST_FIELD}: {ONE_CLICK}, and let a POST there unsubscribe (RFC 8058)"
        )


def _schemes(value: str) -> list[str]:
    if not _LIST.match(value) or "=?" in value:  # that would be taken for an encoded word, and be encoded
        raise InvalidHeader(
            f"{FIELD} is <https://…>, <mailto:…> or both with a comma, percent-encoded where need be, not {value[:80]!r}"
        )
    return [_scheme(uri[1:-1]) for uri in re.findall(_URI, value)]


def _scheme(uri: str) -> str:
    try:
        parts = urlsplit(uri)
        is_whole = bool(parts.hostname if parts.scheme == "https" else "@" in parts.path)
    except ValueError:
        is_whole = False
    if not is_whole or parts.scheme not in ("https", "mailto") or len(uri) > MAX_URI:
        raise InvalidHeader(f"{FIELD} has https:// or mailto: URIs of {MAX_URI} characters at most, not {uri[:80]!r}")
    return parts.scheme
