"""The mechanisms that show what they know: PLAIN (RFC 4616), LOGIN, EXTERNAL (RFC 4422 appendix A)."""

from __future__ import annotations

from notifier.model.secret import Secret
from notifier.protocol.sasl.mechanism import MechanismFailed


class Plain:
    """RFC 4616: identity to act as, user, password."""

    name = "PLAIN"
    in_clear = True

    def __init__(self, username: str, password: Secret, authzid: str = "") -> None:
        self._message = Secret(f"{authzid}\0{username}\0{password.reveal()}")
        self._said = False

    def initial(self) -> Secret:
        self._said = True
        return self._message

    def answer(self, challenge: bytes) -> Secret:
        if self._said or challenge:
            raise MechanismFailed("the server asks what PLAIN does not know")
        return self.initial()

    def succeeded(self) -> None:
        """There is nothing that the server could prove."""


class Login:
    """The old two questions, never standardised; what they ask is not looked at, for servers word it as they like."""

    name = "LOGIN"
    in_clear = True

    def __init__(self, username: str, password: Secret) -> None:
        self._answers = [Secret(username), password]

    def initial(self) -> None:
        """Not every server takes one."""
        return

    def answer(self, challenge: bytes) -> Secret:  # noqa: ARG002 - see the class
        if not self._answers:
            raise MechanismFailed("the server asks more than user and password")
        return self._answers.pop(0)

    def succeeded(self) -> None:
        """There is nothing that the server could prove."""


class External:
    """RFC 4422 appendix A: the client certificate says who we are; ``authzid`` is whom to act as, mostly nobody else."""

    name = "EXTERNAL"
    in_clear = False

    def __init__(self, authzid: str = "") -> None:
        self._message = Secret(authzid)
        self._said = False

    def initial(self) -> Secret:
        self._said = True
        return self._message

    def answer(self, challenge: bytes) -> Secret:
        if self._said or challenge:
            raise MechanismFailed("the server asks what EXTERNAL does not know")
        return self.initial()

    def succeeded(self) -> None:
        """TLS has proved the server."""
