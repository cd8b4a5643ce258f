"""The ways in which mails go over, by what a door offers: each has its own code on both sides."""

from __future__ import annotations

import pytest

# The door, and how many mails may be in flight.
WAYS = pytest.mark.parametrize(
    ("door", "window"),
    [("everything", 16), ("everything", 1), ("no BDAT", 1), ("lock step", 1)],
    ids=["sixteen in flight", "BDAT", "DATA", "lock step"],
)
