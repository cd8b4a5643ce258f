"""``NOTIFIER_ENCRYPTION_KEYS``: Fernet keys with blanks between, the newest first."""

from __future__ import annotations

import base64
import binascii
from importlib.util import find_spec

from notifier.model.secret import Secret


def parse_keys(text: str) -> tuple[Secret, ...]:
    """The keys. Raises `ValueError`, which never holds one."""
    keys = text.split()
    if keys and find_spec("cryptography") is None:
        raise ValueError("needs: pip install notifier-worker[encryption]")
    for number, key in enumerate(keys, start=1):
        if not _is_key(key):
            raise ValueError(
                f"holds as number {number} what is no key: 32 octets as URL-safe base64, as made by "
                'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
            )
    return tuple(map(Secret, keys))


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)) == 32
    except (ValueError, binascii.Error):
        return False
