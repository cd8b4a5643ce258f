"""Ways out of this process: the settings' relays, or one that a backend was given for itself. Sessions are pooled for each."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import OrderedDict

from notifier.delivery.routing import Router, Smarthost
from notifier.model.tenant import DEFAULT
from notifier.settings.tenants import Account
from notifier.settings.ways import parse_way
from notifier.tasks.runtime import Runtime
from notifier.tasks.ways_out import WaysOut

_lock = threading.Lock()  # held for a moment, but at a fork it may be


def _fresh_lock() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it at the fork
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_fresh_lock)
# By process: a child never uses its parent's sockets. The last used stands last.
_ways: OrderedDict[tuple[int, str], WaysOut] = OrderedDict()
# Each has a thread and descriptors. Sites whose customers bring relays of their own have more than a process should hold.
MOST_RELAYS = 32


def router_of(mine: Runtime, url: str | None) -> Router:
    """``url`` None: the settings' accounts. Raises `ConfigurationError` for ``mx://`` without what it needs."""
    if url is None:
        return mine.inline_router
    own = _way_out(mine, url).accounts[DEFAULT]
    return mine.router(dict.fromkeys(mine.settings.accounts, own))


def session_of(router: Router) -> None:
    """Make sure that the default account's relay gives a session; it goes back to the pool. Servers of recipients (``mx://``)
    are not asked.

    Raises `PoolError`, `DeliveryError`.
    """
    ways = router.accounts[DEFAULT].ways
    if isinstance(ways, Smarthost):
        with ways.relays.session(deadline=time.monotonic() + router.session_wait):
            pass


def _way_out(mine: Runtime, url: str) -> WaysOut:
    key = (os.getpid(), url)
    with _lock:
        if key not in _ways:
            account = {DEFAULT: Account(parse_way(url))}
            _ways[key] = WaysOut(account, rules=mine.settings.breakers, listener=mine.listener)
        _ways.move_to_end(key)
        found, left = _ways[key], _beyond()
    for one in left:
        one.close(0.0)  # what is lent goes on, and is closed when it comes back
    return found


def _beyond() -> list[WaysOut]:
    """Those of this process that were not used for the longest time; they are in the table no more."""
    mine = [key for key in _ways if key[0] == os.getpid()]
    return [_ways.pop(key) for key in mine[:-MOST_RELAYS]]


@atexit.register
def close_pools() -> None:
    """Say QUIT where sessions are parked."""
    with _lock:
        mine = [_ways.pop(key) for key in list(_ways) if key[0] == os.getpid()]
    for one in mine:
        one.close(0.0)
