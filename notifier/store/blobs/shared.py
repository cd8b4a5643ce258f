"""Blobs that are put once for many mails: kept for a time of their own, beside the references of the mails.

Only what was put for that can be named in a call, and only by the tenant that it was put for: the blobs of other mails,
payloads with their contexts among them, cannot be asked for, not even by whoever knows a digest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from notifier.errors import BlobUnavailable
from notifier.model.octets import Source
from notifier.store.blobs.blobs import Blobs
from notifier.store.blobs.names import checked_name
from notifier.store.connection import Call, LedgerConnection
from notifier.store.keys import Keys
from notifier.store.records import ms

REMEMBERED = 60.0  # seconds; much less than the grace, for which a blob that was used is kept at least
MOST_REMEMBERED = 1000


class SharedBlobs:
    """``grace``: seconds from a call that names a blob to the mail that refers to it, at most."""

    def __init__(
        self,
        blobs: Blobs,
        connection: LedgerConnection,
        keys: Keys,
        grace: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._connection = connection
        self._keys = keys
        self._grace = grace
        self._clock = clock
        self._used: dict[tuple[str, str], tuple[float, int]] = {}

    def put(self, data: bytes | Source, *, tenant: str, keep: float) -> str:
        """Keep the octets for ``keep`` seconds at least; their name. Raises `StoreUnavailable`."""
        name = self._blobs.put(data)
        call = Call("shared", self._keys.blobs, ("keep", tenant, name, len(data), ms(keep)))
        self._connection.run([call], durably=True)
        return name

    def use(self, tenant: str, name: str) -> int:
        """How many octets it has; it is kept until the mail that names it is there. Raises `BlobUnavailable`."""
        remembered = self._used.get((tenant, name))
        if remembered is not None and self._clock() - remembered[0] < min(REMEMBERED, self._grace / 2):
            return remembered[1]
        asked_at = self._clock()
        size = self._asked(tenant, checked_name(name))
        if len(self._used) >= MOST_REMEMBERED:
            self._used.clear()
        self._used[tenant, name] = asked_at, size
        return size

    def _asked(self, tenant: str, name: str) -> int:
        call = Call("shared", self._keys.blobs, ("use", tenant, name, ms(self._grace)))
        (size,) = self._connection.run([call])
        if size < 0:
            raise BlobUnavailable(
                f"tenant {tenant!r} has no stored attachment {name}, or not any more; store it with store_attachment"
            )
        if not self._blobs.touch(name):  # second: what is about to be collected is seen to be kept, or gone
            raise BlobUnavailable(f"the stored attachment {name} has vanished; store it again with store_attachment")
        return int(size)


def kept(names: Sequence[str], connection: LedgerConnection, keys: Keys) -> frozenset[str]:
    """Those of the names that are kept for mails to come."""
    if not names:
        return frozenset()
    (found,) = connection.run([Call("shared", keys.blobs, ("kept", *names))])
    return frozenset(name.decode() for name in found)
