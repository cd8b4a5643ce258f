"""The Celery app of workers that have a Flask app's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from notifier.integrations.flask import process
from notifier.integrations.flask.state import state_of
from notifier.tasks.worker import create_worker_app

if TYPE_CHECKING:
    from celery import Celery


def worker_app(app: Flask, config: str | None = "celeryconfig") -> Celery:
    """A worker with the settings of a Flask app, for the module that ``celery -A`` names.

    ``app = worker_app(create_app())`` stands in it. ``config``: a module with Celery's settings.
    Raises `ConfigurationError`, and `RuntimeError` for an app without Mail.
    """
    process.take(state_of(app))
    return create_worker_app(config)
