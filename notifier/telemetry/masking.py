"""Addresses for a log: enough to find a complaint by, and nobody's mailbox."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 3  # recipients; the others are a number


def masked(address: str) -> str:
    """``zoe@example.org`` as ``z…@example.org``."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else "…"


def masked_list(addresses: Sequence[str]) -> list[str]:
    """The first few, and how many more."""
    shown = [masked(one) for one in addresses[:SHOWN]]
    return [*shown, f"and {len(addresses) - SHOWN} more"] if len(addresses) > SHOWN else shown
