"""A relay's limits in the simulation, by the rules of `rates.lua` and `connections.lua`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Relay:
    """A token bucket of one second (GCRA), and places for connections; ``most`` of them were taken at once."""

    rate: float
    connections: int
    full: float = 0.0
    later: float = 0.0
    open: int = 0
    most: int = 0

    def wait(self, now: float) -> float:
        """0, and a token is taken; else the seconds until there is one for this mail."""
        interval = 1 / self.rate
        slack = interval * (max(1.0, self.rate) - 1)
        self.full = max(self.full, now)
        if self.full - now <= slack:
            self.full += interval
            return 0.0
        self.later = max(self.later + interval if self.later > now else 0.0, self.full - slack)
        return self.later - now
