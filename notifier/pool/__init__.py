"""Sessions to a relay, bounded and shared."""

from notifier.pool.config import PoolConfig
from notifier.pool.pool import SessionPool

__all__ = ["PoolConfig", "SessionPool"]
