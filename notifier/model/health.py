"""`Health`: what a worker writes into its health file, and a probe reads there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """``until``: seconds since the epoch; a main process that is not stuck writes anew before that. ``hindrance``: why
    it is not ready to send mail; empty where it is. ``told_at``: seconds since the epoch.
    """

    pid: int
    until: float
    hindrance: str = ""
    told_at: float = 0.0

    def to_text(self) -> str:
        """One line."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, text: str) -> Health:
        """The same again. Raises `ValueError` for a text that is none."""
        try:
            found = json.loads(text)
            told_at = float(found.get("told_at", 0.0))
            return cls(int(found["pid"]), float(found["until"]), str(found["hindrance"]), told_at)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("no health file of a worker") from error
