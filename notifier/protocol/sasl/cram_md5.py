"""CRAM-MD5 (RFC 2195): weak, and still what some servers have. The pool uses it only when it is named."""

from __future__ import annotations

import hmac

from notifier.model.secret import Secret
from notifier.protocol.sasl.mechanism import MechanismFailed


class CramMd5:
    """One challenge, one keyed digest of it."""

    name = "CRAM-MD5"
    in_clear = False

    def __init__(self, username: str, password: Secret) -> None:
        self._username, self._password = username, password
        self._answered = False

    def initial(self) -> None:
        """The server speaks first."""
        return

    def answer(self, challenge: bytes) -> Secret:
        if self._answered or not challenge:
            raise MechanismFailed("the server's CRAM-MD5 challenge is empty, or not the only one")
        self._answered = True
        digest = hmac.new(self._password.reveal().encode(), challenge, "md5").hexdigest()
        return Secret(f"{self._username} {digest}")

    def succeeded(self) -> None:
        """Raises `MechanismFailed` where the server never asked."""
        if not self._answered:
            raise MechanismFailed("the server accepted CRAM-MD5 without a challenge")
