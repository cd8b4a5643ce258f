"""The ledger. `base` says what it is, `redis_store` keeps it on Redis or Valkey. The only home of redis."""

from notifier.store.blobs import blob_name
from notifier.store.journal import SettlementJournal
from notifier.store.redis_store import RedisStore

__all__ = ["RedisStore", "SettlementJournal", "blob_name"]
