"""Tokens in place of passwords: OAUTHBEARER (RFC 7628) and the older XOAUTH2."""

from __future__ import annotations

from notifier.model.secret import Secret
from notifier.protocol.sasl.mechanism import MechanismFailed

_KVSEP = "\x01"  # RFC 7628 section 3.1


class _Bearer:
    in_clear = True

    def __init__(self, message: str, after_error: str) -> None:
        self._message = Secret(message)
        self._after_error = Secret(after_error)
        self._said = False
        self._error = False

    def initial(self) -> Secret:
        self._said = True
        return self._message

    def answer(self, challenge: bytes) -> Secret:
        """The first challenge after the token is the server's error report; it wants an answer, then says 535."""
        if not self._said and not challenge:
            return self.initial()
        if self._error or not self._said:
            raise MechanismFailed("the server asks what a token does not know")
        self._error = True
        return self._after_error

    def succeeded(self) -> None:
        """Raises `MechanismFailed` where an error was reported before."""
        if self._error:
            raise MechanismFailed("the server reported an error and said welcome")


class OAuthBearer(_Bearer):
    """RFC 7628 section 3.1; host and port tell the server which of its names was meant."""

    name = "OAUTHBEARER"

    def __init__(self, username: str, token: Secret, host: str, port: int) -> None:
        who = f"a={username.replace('=', '=3D').replace(',', '=2C')}" if username else ""
        parts = (f"n,{who},", f"host={host}", f"port={port}", f"auth=Bearer {token.reveal()}", "", "")
        super().__init__(_KVSEP.join(parts), _KVSEP)


class XOAuth2(_Bearer):
    """What the big providers had before RFC 7628."""

    name = "XOAUTH2"

    def __init__(self, username: str, token: Secret) -> None:
        super().__init__(f"user={username}{_KVSEP}auth=Bearer {token.reveal()}{_KVSEP}{_KVSEP}", "")
