"""`Mail`: the extension."""

from __future__ import annotations

from typing import Any, cast

from flask import Flask, current_app, has_app_context

from notifier.integrations.flask.sending import Sending
from notifier.integrations.flask.state import State, state_of


class Mail(Sending):
    """``Mail(app)``, or ``Mail()`` and `init_app`. It has the attributes of its state: ``suppress``, ``default_sender`` and so on.

    Raises `ConfigurationError` with everything in the app's configuration that cannot work.
    """

    def __init__(self, app: Flask | None = None) -> None:
        self.app = app
        self.state: State | None = None if app is None else self.init_app(app)

    def init_app(self, app: Flask) -> State:
        """Read the app's configuration: `MAIL_*`, `NOTIFIER_*` and the mapping `NOTIFIER`."""
        state = State.of(app)
        app.extensions["mail"] = state
        return state

    def _app(self) -> Flask:
        return self.app if self.app is not None else cast("Any", current_app)._get_current_object()

    def _state(self) -> State:
        return state_of(self._app())

    def __getattr__(self, name: str) -> Any:
        if name == "app" or name not in State.__dataclass_fields__:
            raise AttributeError(f"Mail has no attribute {name!r}")
        known = self.app is not None or has_app_context()
        return getattr(self._state(), name) if known else None
