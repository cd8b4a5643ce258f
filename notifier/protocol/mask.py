"""`Mask`: some servers repeat what they did not understand, and what they did not understand may be a password."""

from __future__ import annotations

import base64
import re

from notifier.model.secret import Secret
from notifier.protocol.commands import Auth, AuthAnswer, Command
from notifier.protocol.reply import Reply

MASKED = "***"
ANYWHERE = (
    6  # characters from which a secret is looked for inside of words too; a shorter one would hit every other word
)
_FIELDS = re.compile(r"[\x00-\x20]+")  # what divides user, password and token in a response
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?=[ ]|$)")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}=*")


class Mask:
    """Takes out of a server's words what it was told in confidence on this connection.

    That is each response as it went out, any longer piece of it (lines are echoed cut), and what it says decoded.
    """

    def __init__(self) -> None:
        self._responses: list[str] = []  # in Base64, as they went out
        self._words: re.Pattern[str] | None = None
        self._plain: set[str] = set()

    def learn(self, command: Command) -> None:
        """What a command of AUTH holds; others hold no secret."""
        match command:
            case Auth(initial=Secret() as said) | AuthAnswer(response=said) if said:
                self._responses.append(base64.b64encode(said.reveal().encode()).decode())
                self._plain |= {self._responses[-1], *filter(None, _FIELDS.split(said.reveal()))}
                longest_first = sorted(self._plain, key=len, reverse=True)
                self._words = re.compile("|".join(map(_anywhere_or_as_a_word, longest_first)))

    def over(self, reply: Reply) -> Reply:
        """The reply without them."""
        if self._words is None:
            return reply
        return Reply(reply.code, tuple(map(self._over_line, reply.lines)))

    def over_text(self, text: str) -> str:
        """The text without them."""
        if self._words is None:
            return text
        return _BASE64.sub(self._unless_foreign, self._words.sub(MASKED, text))

    def _over_line(self, line: bytes) -> bytes:
        code = _ENHANCED.match(line)  # no secret, and read by us: a user may be called 5
        begin = code.end() if code else 0
        text = self.over_text(line[begin:].decode("utf-8", "surrogateescape"))
        return line[:begin] + text.encode("utf-8", "surrogateescape")

    def _unless_foreign(self, found: re.Match[str]) -> str:
        piece = found[0].rstrip("=")
        return MASKED if any(piece in response for response in self._responses) else found[0]


def _anywhere_or_as_a_word(secret: str) -> str:
    pattern = re.escape(secret)
    return pattern if len(secret) >= ANYWHERE else rf"(?<!\w){pattern}(?!\w)"
