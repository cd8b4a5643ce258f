"""What a record holds of a mail: its payload and its composed message, in the record itself or in a blob of their own."""

from __future__ import annotations

from notifier.model.octets import Octets, Source, Streamed, as_message, whole
from notifier.store.blobs import Blobs
from notifier.store.blobs.outsourced import LARGE, reference_to, referred_by
from notifier.store.rows import Row
from notifier.store.sealing import Seal

STREAMED = 8 * 2**20  # octets; bigger messages are not held in memory


class Contents:
    """``blobs`` take what has more than `LARGE` octets, and seal it themselves; ``seal`` is for what is in the record."""

    def __init__(self, blobs: Blobs, seal: Seal) -> None:
        self._blobs = blobs
        self._seal = seal

    def put_payload(self, payload: str) -> tuple[bytes, str]:
        """What stands in the record, and the blob that it refers to, or nothing. Raises `StoreUnavailable`."""
        octets = payload.encode()
        if len(octets) <= LARGE:
            return self._seal.seal(octets), ""
        name = self._blobs.put(octets)
        return reference_to(name).encode(), name

    def put_composed(self, composed: Octets | None) -> str:
        """The blob that holds the message, or nothing: a settlement never fails for want of a blob."""
        if composed is None or len(composed) <= LARGE:
            return ""
        return self._blobs.put_or_none(composed) or ""

    def composed(self, composed: Octets | None, composed_in: str) -> bytes:
        """What stands in the record for the message; nothing where there is none, or where a blob holds it.

        A big one for which there is no blob is composed anew.
        """
        if composed is None or composed_in or isinstance(composed, Streamed):
            return b""
        return self._seal.seal(composed)

    def payload(self, kept: bytes) -> bytes:
        """The payload that a record keeps, or refers to. Raises `BlobUnavailable`."""
        opened = self._seal.open(kept)
        name = referred_by(opened)
        return opened if name is None else self._blobs.get(name)

    def whole(self, row: Row) -> Row:
        """The row with what it refers to. Raises `BlobUnavailable`."""
        composed = (
            _message(self._blobs.open(row.composed_in)) if row.composed_in else self._seal.open(whole(row.composed))
        )
        payload = self.payload(row.payload)
        if payload is row.payload and composed is row.composed:
            return row  # as most are: small, and not sealed
        return row._replace(payload=payload, composed=composed)


def _message(octets: bytes | Source) -> Octets:
    """Not held in memory where it is big. Raises `BlobUnavailable`."""
    return whole(octets) if len(octets) <= STREAMED else as_message(octets)
