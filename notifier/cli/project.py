"""Whose settings a command reads: a Django project's where DJANGO_SETTINGS_MODULE names one, as Celery does it, else the environment's."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

# They look at a file, or at servers of their own, and are to be quick.
WITHOUT = frozenset({"alive", "completion", "demo", "ready"})


def set_up_project(command: str) -> None:
    """Before the command is loaded. Raises `ConfigurationError`."""
    if command in WITHOUT or not os.environ.get("DJANGO_SETTINGS_MODULE") or find_spec("django") is None:
        return
    from notifier.integrations.django.project import set_up  # noqa: PLC0415 - other people have no Django

    here = str(Path.cwd())
    if here not in sys.path:  # as manage.py and `celery -A` do
        sys.path.insert(0, here)
    set_up()
