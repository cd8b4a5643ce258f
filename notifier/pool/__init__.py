"""Sessions to a relay, bounded and shared."""

from notifier.pool.config import PoolConfig
from notifier.pool.local_breakers import LocalBreakers
from notifier.pool.pool import SessionPool
from notifier.pool.relays import Lent, Member, Relays
from notifier.pool.slots import Slots, Unsaid

__all__ = ["Lent", "LocalBreakers", "Member", "PoolConfig", "Relays", "SessionPool", "Slots", "Unsaid"]
