"""A courier of which a test uses a part: whatever it is not given it must not touch."""

from __future__ import annotations

from typing import Any
from unittest import mock

from notifier.delivery.courier import Courier
from notifier.retry import DEFAULT_TABLE


def nobody_behind() -> None:
    """What a courier tells those whose turn comes later, where there are none."""


def courier_with(**given: Any) -> Courier:
    """It has these, and the retry table as it is shipped."""
    rest: dict[str, Any] = dict.fromkeys(("store", "router", "composer", "limiter", "pauses"), mock.sentinel.unused)
    return Courier(**{**rest, "table": lambda _: DEFAULT_TABLE, **given})
