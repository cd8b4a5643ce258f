"""Contents at rest: sealed with the operator's keys (Fernet, the extra ``encryption``), or as they are.

What is sealed is told from what is not by its beginning, so that keys can be set, changed and taken away while mails
wait. A payload is JSON and a message begins with the name of a field: neither begins like a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notifier.errors import BlobUnavailable, ConfigurationError
from notifier.model.secret import Secret

_TOKEN = b"gAAAAA"  # Fernet's version, and the leading zeros of its time


def token_size(size: int) -> int:
    """Of what seals so many octets: version, time, IV, AES blocks with padding, HMAC; in base64 (Fernet's specification)."""
    return -(-(1 + 8 + 16 + (size // 16 + 1) * 16 + 32) // 3) * 4


class Seal:
    """``keys``: the first seals, each opens. Without any, nothing is sealed."""

    def __init__(self, keys: Sequence[Secret] = ()) -> None:
        self._fernet: Any = _fernet(keys) if keys else None

    @property
    def is_closed(self) -> bool:
        """True where there is a key."""
        return self._fernet is not None

    def seal(self, data: bytes) -> bytes:
        """What is kept in place of ``data``."""
        return data if self._fernet is None else bytes(self._fernet.encrypt(data))

    def open(self, kept: bytes) -> bytes:
        """What was sealed. Raises `BlobUnavailable` where no key opens it: the mail waits until one does."""
        if not kept.startswith(_TOKEN):
            return kept
        opened = self._opened(kept)
        if opened is None:
            raise BlobUnavailable(
                "the mail is encrypted, and no key of NOTIFIER_ENCRYPTION_KEYS opens it here; the mail waits. Give this "
                "worker the keys that the mails were enqueued with"
            )
        return opened

    def _opened(self, kept: bytes) -> bytes | None:
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - an extra

        try:
            return bytes(self._fernet.decrypt(kept)) if self._fernet is not None else None
        except InvalidToken:
            return None


def _fernet(keys: Sequence[Secret]) -> Any:
    try:
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(["NOTIFIER_ENCRYPTION_KEYS needs: pip install notifier-worker[encryption]"]) from None
    return MultiFernet([Fernet(key.reveal()) for key in keys])
