"""What an operator can pause: a queue, a relay, a tenant. Mails wait in the store meanwhile, and none fails for it."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, get_args

Kind = Literal["queue", "relay", "tenant"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Pause(NamedTuple):
    """``name``: of a queue, a tenant, or a relay as logs and outcomes call it (``host:port``)."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Pauses(Protocol):
    """Asked before each mail, so its answers may be some seconds old."""

    def why(self, what: Pause) -> str | None:
        """Why it is paused; None where it is not."""


class NoPauses:
    """For what asks no store."""

    def why(self, what: Pause) -> str | None:
        """Never paused."""
        del what
        return None
