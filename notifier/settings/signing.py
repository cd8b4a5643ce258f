"""``NOTIFIER_PAYLOAD_KEYS``: ``id:secret`` with blanks between."""

from __future__ import annotations

import re

from notifier.delivery.signatures import SigningKey
from notifier.model.secret import Secret

_KEY = re.compile(r"([A-Za-z0-9._-]{1,32}):([\x21-\x7e]{32,256})")


def parse_signing_keys(text: str) -> tuple[SigningKey, ...]:
    """The keys. Raises `ValueError`, which never holds one."""
    found: dict[str, SigningKey] = {}
    for number, part in enumerate(text.split(), start=1):
        match = _KEY.fullmatch(part)
        if match is None:
            raise ValueError(
                f"holds as number {number} what is not written id:secret, the secret 32 characters or more"
            )
        if match[1] in found:
            raise ValueError(f"names the key {match[1]} twice")
        found[match[1]] = SigningKey(match[1], Secret(match[2]))
    return tuple(found.values())
