"""From the dot to the stored outcome nothing of this process breaks in (rule r8): what strikes meanwhile waits."""

from __future__ import annotations

from typing import Protocol


class Shield(Protocol):
    """Raised before a dot is recorded, lowered when no mail is between its dot and its settlement any more."""

    @property
    def struck(self) -> bool:
        """True where something waits that `down` would raise."""

    def up(self) -> None:
        """Whatever would break in waits from now on. It may be up already."""

    def down(self) -> None:
        """Raises what has struck meanwhile, if anything has. It may be down already."""

    def drop(self) -> None:
        """As `down`, and what has struck is forgotten: something else breaks off already."""


class NoShield:
    """Nothing breaks in here."""

    struck = False

    def up(self) -> None:
        """See `Shield.up`."""

    def down(self) -> None:
        """See `Shield.down`."""

    def drop(self) -> None:
        """See `Shield.drop`."""


NO_SHIELD = NoShield()
