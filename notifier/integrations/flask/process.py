"""Whose settings this process has: there is one store, one broker and one pool a process, and so one set of settings for all apps."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from notifier.errors import ConfigurationError
from notifier.settings import Settings
from notifier.tasks.app import point_at_broker
from notifier.tasks.bells import gate
from notifier.tasks.runtime import configure, read_settings_from

if TYPE_CHECKING:
    from notifier.integrations.flask.state import State

# What each app has for itself, for it is said with each mail.
_OWN = ("NOTIFIER_FROM",)

_lock = threading.Lock()
_taken: tuple[str, Mapping[str, str]] | None = None


def _fresh_lock() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it at the fork
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_fresh_lock)


def take(state: State) -> None:
    """Make the app's settings those of this process. Raises `ConfigurationError` where another app's are in use that differ."""
    global _taken  # noqa: PLW0603 - one set a process
    with _lock:
        if _taken is None:
            _use(state.texts)
            _taken = state.app.name, state.texts
            return
        name, texts = _taken
    if texts == state.texts:
        return
    differing = sorted(
        key for key in {*texts, *state.texts} if texts.get(key) != state.texts.get(key) and key not in _OWN
    )
    if differing:
        who = f"the Flask apps {name!r} and {state.app.name!r} of this process"
        if name == state.app.name:
            who = f"two Flask apps {name!r} of this process (or one that was set up again)"
        problem = (
            f"{who} differ in {', '.join(differing)}, and a process has one "
            "broker, store and relay; give them the same, run them in processes of their own, or make them tenants (NOTIFIER_TENANTS)"
        )
        raise ConfigurationError([problem])


def _use(texts: Mapping[str, str]) -> None:
    Settings.load(texts)  # what cannot work is told before anything is changed
    read_settings_from(lambda: texts)  # and not the settings themselves: files that they name are read again
    configure(None)
    point_at_broker()
    gate.suspect()


def release() -> None:
    """For tests whose apps come one after the other: the next one that sends brings its own settings."""
    global _taken  # noqa: PLW0603 - as above
    with _lock:
        _taken = None
        read_settings_from(None)
        configure(None)
        gate.suspect()
