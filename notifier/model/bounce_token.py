"""What a mail carries in its envelope, so that a report about it is known to be about it: its id, signed (HMAC-SHA256).

It travels in the reverse-path (VERP) and in ENVID (RFC 3461), both of which recipients' servers may see: a token says which
mail is meant, and lets nobody make one for another mail.
"""

from __future__ import annotations

import base64
import hmac
import uuid
from collections.abc import Sequence

from notifier.model.secret import Secret

IN_PATH = 42  # characters: 16 octets of the id and 10 of the tag, in base32, for servers change the case of local parts
_TAG = 10  # octets: each guess is a mail to us, and 2**80 of them do not come
_PURPOSE = b"notifier bounce 1\0"


def for_path(mail_id: str, secret: Secret) -> str:
    """The token that stands in a local part."""
    raw = uuid.UUID(mail_id).bytes
    return _base32(raw + _tag(raw, secret))


def for_envelope_id(mail_id: str, secret: Secret) -> str:
    """The token that is an ENVID: the id, as people know it, a full stop and the tag."""
    return f"{mail_id}.{_base32(_tag(uuid.UUID(mail_id).bytes, secret))}"


def opened(token: str, secrets: Sequence[Secret]) -> str | None:
    """The id in a token of either kind; None where none of the secrets has made it."""
    try:
        raw, tag = _parts(token)
    except ValueError:
        return None
    if not any(hmac.compare_digest(_tag(raw, secret), tag) for secret in secrets):
        return None
    return str(uuid.UUID(bytes=raw))


def _parts(token: str) -> tuple[bytes, bytes]:
    if len(token) == IN_PATH:
        whole = _from_base32(token)
        return whole[:16], whole[16:]
    mail_id, _, tag = token.partition(".")
    if len(mail_id) != 36 or len(tag) != 16:
        raise ValueError("neither of the two")
    return uuid.UUID(mail_id).bytes, _from_base32(tag)


def _tag(raw: bytes, secret: Secret) -> bytes:
    return hmac.digest(secret.reveal().encode(), _PURPOSE + raw, "sha256")[:_TAG]


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _from_base32(text: str) -> bytes:
    return base64.b32decode(text.encode("ascii").upper() + b"=" * (-len(text) % 8))
