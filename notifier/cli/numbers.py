"""Numbers of options."""

from __future__ import annotations

import math
from typing import Any

import click


class Finite(click.FloatRange):
    """Click lets ``nan`` through every range, and infinity where there is no end."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A number."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value!r} is no number of them", param, ctx)
        return found
