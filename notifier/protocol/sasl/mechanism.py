"""What AUTH needs of a mechanism."""

from __future__ import annotations

from typing import Protocol

from notifier.model.secret import Secret


class MechanismFailed(Exception):
    """The server broke the mechanism's rules, or could not prove that it knows the password. Its words hold no secret."""


class BindingRefused(MechanismFailed):
    """The server has another type of channel binding than we: the same mechanism without one may do."""


class NoToken(Exception):
    """The callable that gives tokens failed. Its own words are not repeated: they may hold what it knows."""


class Mechanism(Protocol):
    """One exchange, used once. What it answers is a `Secret`, whatever it holds."""

    @property
    def name(self) -> str:
        """As it stands in the AUTH line."""

    @property
    def in_clear(self) -> bool:
        """True where whoever reads along has the password or token."""

    def initial(self) -> Secret | None:
        """The initial response; None where the server speaks first."""

    def answer(self, challenge: bytes) -> Secret:
        """The answer to a challenge. Raises `MechanismFailed`."""

    def succeeded(self) -> None:
        """The server said 235. Raises `MechanismFailed` where it had not proved yet what it must."""
