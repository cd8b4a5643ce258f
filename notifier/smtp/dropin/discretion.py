"""`Discretion`: follows AUTH (RFC 4954) through a dialogue, so that nothing that is shown of it holds a secret.

It looks at the lines, not at who sent them: programs log in with `SMTP.docmd` too, and servers repeat what they did not
understand.
"""

from __future__ import annotations

import re

from notifier.protocol.reply import Reply

HIDDEN = "***"
_AUTH = re.compile(r"^\s*AUTH\s+\S+", re.IGNORECASE | re.MULTILINE)
_SHORTEST = 8  # characters, which are four of a password; what is shorter may stand in an innocent word


class Discretion:
    """One connection's."""

    def __init__(self) -> None:
        self._in_auth = False  # from AUTH to the first reply that is no challenge
        self._secrets: set[bytes] = set()

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
            self._secrets |= {word.encode("latin-1", "replace") for word in words if len(word) >= _SHORTEST}

    def heard(self, reply: Reply) -> Reply:
        """A refusal without the secrets that it repeats. Any other reply as it is: it is read, not only shown."""
        self._in_auth = reply.code == 334
        if reply.code < 400:
            return reply
        return Reply(reply.code, tuple(self.without(line) for line in reply.lines))

    def without(self, octets: bytes) -> bytes:
        """``octets`` with ``***`` for what was sent in AUTH."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            octets = octets.replace(secret, HIDDEN.encode())
        return octets


def _text(s: str | bytes) -> str:
    return s if isinstance(s, str) else s.decode("latin-1")
