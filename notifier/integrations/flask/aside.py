"""The runtime of mails that are suppressed: it checks and renders, and asks neither broker nor store.

Apps with the same settings share one: a test suite makes an app for each test, and compiled templates are the runtime's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from notifier.integrations.flask.config import NO_BROKER
from notifier.settings import Settings
from notifier.tasks.runtime import Runtime

MOST = 8


def aside_of(texts: Mapping[str, str]) -> Runtime:
    """It is not the process's. Raises `ConfigurationError`."""
    mine = _made(frozenset({**NO_BROKER, **texts}.items()))
    mine.look_at_files()
    return mine


@lru_cache(maxsize=MOST)
def _made(texts: frozenset[tuple[str, str]]) -> Runtime:
    def read() -> Settings:
        return Settings.load(dict(texts))

    return Runtime(read(), reload=read)
