"""Octets that are too big for a record: attachments, long payloads, composed messages. See docs/adr/0018."""

from notifier.store.blobs.blobs import Blobs
from notifier.store.blobs.choice import BlobsAt, InDirectory, InObjects, InRedis
from notifier.store.blobs.names import blob_name
from notifier.store.blobs.places import places_of

__all__ = ["Blobs", "BlobsAt", "InDirectory", "InObjects", "InRedis", "blob_name", "places_of"]
