"""Settings for the length of a test, laid over those that the process has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from notifier.tasks.bells import gate
from notifier.tasks.registered import registered
from notifier.tasks.runtime import overlaid


@contextmanager
def overlaid_settings(texts: Mapping[str, str]) -> Iterator[None]:
    """See `notifier.tasks.runtime.overlaid`. Connections to the broker are made anew, for it may be another."""
    with overlaid(texts):
        _forget_broker()
        try:
            yield
        finally:
            _forget_broker()


def _forget_broker() -> None:
    gate.suspect()
    for app in registered():
        app._after_fork()  # type: ignore[attr-defined]  # Celery's own way to forget its connections
