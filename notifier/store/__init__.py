"""The ledger. `base` says what it is, `redis_store` keeps it on Redis or Valkey. The only home of redis."""

from notifier.store.redis_store import RedisStore, blob_name

__all__ = ["RedisStore", "blob_name"]
