"""From a host's name to the addresses that may be connected to."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

from notifier.errors import DeliveryError, Phase, fault_error
from notifier.protocol import taxonomy
from notifier.smtp.deadline import Deadline
from notifier.smtp.mx.answers import Answer, LookupFailed, Lookups
from notifier.smtp.mx.screen import Screen
from notifier.smtp.resolving import Address

PATIENCE = 20.0  # seconds for both families, where a connection waits for them


class Forbidden(Exception):
    """The host has addresses, and none of them may be connected to (row D6)."""


class Hosts:
    """Addresses are screened in the same step that hands them on: what is connected to is what was looked at.

    So a name that answers differently the next time (DNS rebinding) gains nothing.
    """

    def __init__(self, lookups: Lookups, screen: Screen) -> None:
        self._lookups = lookups
        self._screen = screen

    def addresses(self, host: str, deadline: Deadline) -> Answer[str]:
        """The ones that may be connected to. Raises `LookupFailed`, and `Forbidden` where there are others only."""
        found = self._lookups.addresses(host, deadline)
        allowed = tuple(filter(self._screen.lets_through, found.records))
        if found.records and not allowed:
            raise Forbidden(
                f"{host} leads to {found.records[0]}, which is not of the public Internet and not in allow="
            )
        return replace(found, records=allowed)

    def resolve(self, host: str, port: int) -> list[Address]:
        """For `NetworkStream.connect`. Raises a `DeliveryError` leaf: rows D3, D6."""
        try:
            found = self.addresses(host, Deadline.after(PATIENCE))
        except LookupFailed as failure:
            raise _error("D3", str(failure), host) from failure
        except Forbidden as forbidden:
            raise _error("D6", str(forbidden), host) from forbidden
        if not found.records:  # it had some when it was chosen, a moment ago
            raise _error("D3", f"{host} has no address any more", host)
        return [_address(text, port) for text in found.records]


def _address(text: str, port: int) -> Address:
    sockaddr: Any = (text, port, 0, 0) if ":" in text else (text, port)
    return Address(socket.AF_INET6 if ":" in text else socket.AF_INET, sockaddr)


def _error(row: str, words: str, host: str) -> DeliveryError:
    return fault_error(taxonomy.fault(row, Phase.DNS, words, host=host))
