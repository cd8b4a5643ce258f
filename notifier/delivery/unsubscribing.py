"""Links to unsubscribe by, each for one recipient of one mail (RFC 8058).

The token in a link is AES-SIV (RFC 5297): encrypted, so that no proxy's log and no referrer holds an address; authenticated,
so that nobody makes one for another's address; and the same for the same mail, so that every attempt has the same octets.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notifier.delivery.signatures import SigningKey
from notifier.model.email import Email

MAX_TOKEN = 640  # characters: an address of 254 octets, a list of 127, and what stands beside them
_FIXED = struct.Struct(">16sQ")  # the mail's id, and when the token is over: seconds since the epoch, 0: never
_PURPOSE = b"notifier unsubscribe 1"


class NoToken(ValueError):
    """It is none of ours, or of a key that is gone."""


class TokenOver(ValueError):
    """It was one of ours, and its time is over."""


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """Who wants no more mails of what; ``address`` is a forward-path, ``mail_id`` the mail that the link stood in."""

    address: str
    mailing_list: str
    mail_id: str
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """``url``: https, without query. ``keys``: the first makes tokens, each opens them. ``lasts``: seconds that a link is good
    for after its mail may be sent; None: for ever.
    """

    url: str
    keys: Sequence[SigningKey]
    lasts: float | None = None

    def link(self, email: Email, mailing_list: str | None) -> str | None:
        """The link for the mail's recipient. None where its class is no list, and where it has several recipients: each would
        hold a link that unsubscribes another.
        """
        if mailing_list is None or len(email.recipients) != 1:
            return None
        last = max(email.created_at, email.send_at or 0.0, email.expires_at or 0.0)
        expires_at = None if self.lasts is None else int(last + self.lasts)
        address = email.recipients[0].forward_path
        return f"{self.url}?t={made(Unsubscription(address, mailing_list, email.id, expires_at), self.keys[0])}"


def made(one: Unsubscription, key: SigningKey) -> str:
    """The token: the key's id, a full stop, and base64 for URLs (RFC 4648 section 5)."""
    text = _FIXED.pack(uuid.UUID(one.mail_id).bytes, one.expires_at or 0) + f"{one.mailing_list} {one.address}".encode()
    sealed = _cipher(key).encrypt(text, [_PURPOSE])
    return f"{key.key_id}.{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def opened(token: str, keys: Sequence[SigningKey], *, now: float) -> Unsubscription:
    """What a token says. Raises `NoToken` or `TokenOver`. The comparison of its tag is constant in time (it is the library's)."""
    key_id, _, text = token.rpartition(".")
    key = next((one for one in keys if one.key_id == key_id), None)
    if key is None or len(token) > MAX_TOKEN:
        raise NoToken("no key of NOTIFIER_UNSUBSCRIBE_KEYS has made it")
    plain = _decrypted(key, text)
    mail_id, expires_at = _FIXED.unpack_from(plain)
    if expires_at and expires_at <= now:
        raise TokenOver("its time is over")
    mailing_list, _, address = plain[_FIXED.size :].decode().partition(" ")
    return Unsubscription(address, mailing_list, str(uuid.UUID(bytes=mail_id)), expires_at or None)


def _decrypted(key: SigningKey, text: str) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra

    try:
        sealed = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return bytes(_cipher(key).decrypt(sealed, [_PURPOSE]))
    except (InvalidTag, ValueError, binascii.Error):
        raise NoToken("it was changed, or is none") from None


def _cipher(key: SigningKey) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415 - an extra

    return AESSIV(hmac.digest(key.secret.reveal().encode(), _PURPOSE, "sha512"))
