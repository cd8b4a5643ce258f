"""AUTH PLAIN and LOGIN from the server's side."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping

from notifier.protocol.received_commands import Refused
from notifier.testing.commands import read_base64, read_plain

Ask = Callable[[str], str]  # a challenge's words to the client's answer


class Logins:
    """The users there are. Raises `Refused` for what is no answer; its texts hold neither user nor password."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self._credentials = dict(credentials)

    def __bool__(self) -> bool:
        return bool(self._credentials)

    def user(self, argument: str, ask: Ask) -> str | None:
        """The user that AUTH with this argument logs in; None where name or password is wrong."""
        user, password = self._answers(ask, *argument.split(" ", 1))
        known = self._credentials.get(user)
        right = known is not None and hmac.compare_digest(known.encode(), password.encode())
        return user if right else None

    def _answers(self, ask: Ask, mechanism: str, initial: str = "") -> tuple[str, str]:
        match mechanism.upper():
            case "PLAIN":
                return read_plain(initial or ask(challenge("")))
            case "LOGIN":
                user = read_base64(initial or ask(challenge("Username:")))
                return user, read_base64(ask(challenge("Password:")))
        raise Refused("504 5.5.4 AUTH PLAIN or LOGIN")


def challenge(words: str) -> str:
    """The 334 reply that asks."""
    return f"334 {base64.b64encode(words.encode()).decode()}"
