"""`StoreURL`: where the store is. Shows itself without user, password and options."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from notifier.model.secret import Secret

DEFAULT_PORT = 6379


@dataclass(frozen=True, slots=True)
class StoreURL:
    """``redis://``, ``rediss://`` or ``unix://``, as the Redis client reads them."""

    secret: Secret

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.secret.reveal())

    @property
    def place(self) -> tuple[str | None, int | None]:
        """Host and port; nothing for a Unix socket."""
        parts = self._parts
        return (None, None) if parts.scheme == "unix" else (parts.hostname or "localhost", parts.port or DEFAULT_PORT)

    @property
    def lies_open(self) -> bool:
        """True where it is used over a network and without a password."""
        parts = self._parts
        return not (parts.password or parts.scheme == "unix" or _is_loopback(parts.hostname or "localhost"))

    def __str__(self) -> str:
        parts = self._parts
        if parts.scheme == "unix":
            return parts.path
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "localhost"
        return f"{parts.scheme}://{host}:{parts.port or DEFAULT_PORT}{parts.path}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
