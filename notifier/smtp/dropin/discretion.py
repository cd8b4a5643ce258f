"""`Discretion`: follows AUTH (RFC 4954) through a dialogue, so that nothing that is shown of it holds a secret.

It looks at the lines, not at who sent them: programs log in with `SMTP.docmd` too, and servers repeat what they did not
understand.
"""

from __future__ import annotations

import re

from notifier.protocol.reply import Reply

HIDDEN = "***"
_AUTH = re.compile(r"^\s*AUTH\s+\S+", re.IGNORECASE | re.MULTILINE)
_SHORTEST = 4  # characters of base64; what is shorter stands in many an innocent word


class Discretion:
    """One connection's."""

    def __init__(self) -> None:
        self._in_auth = False  # from AUTH to the first reply that is no challenge
        self._secrets: list[bytes] = []

    def shown(self, s: str | bytes) -> str | bytes:
        """What is to be sent, as it may be shown: of AUTH the mechanism, of the answers to it nothing."""
        if self._in_auth:
            return HIDDEN
        text = _text(s)
        found = _AUTH.search(text)
        return f"{text[: found.end()]} {HIDDEN}" if found and text[found.end() :].strip() else s

    def sent(self, s: str | bytes) -> None:
        """It goes out now."""
        text = _text(s)
        found = _AUTH.search(text)
        if self._in_auth or found:
            self._in_auth = True
            words = text[found.end() if found else 0 :].split()
            self._secrets += [word.encode("latin-1", "replace") for word in words if len(word) >= _SHORTEST]

    def heard(self, reply: Reply) -> Reply:
        """The reply without the secrets that it repeats; a challenge as it is, for it is to be answered."""
        if reply.code == 334:
            self._in_auth = True
            return reply
        secrets, self._secrets, self._in_auth = self._secrets, [], False
        return Reply(reply.code, tuple(_without(line, secrets) for line in reply.lines)) if secrets else reply


def _text(s: str | bytes) -> str:
    return s if isinstance(s, str) else s.decode("latin-1")


def _without(line: bytes, secrets: list[bytes]) -> bytes:
    for secret in sorted(secrets, key=len, reverse=True):
        line = line.replace(secret, HIDDEN.encode())
    return line
