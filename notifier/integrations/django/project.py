"""A process that is none of Django's own, such as the command `notifier`, in a Django project."""

from __future__ import annotations

import os

import django

from notifier.errors import ConfigurationError
from notifier.integrations.django import conf


def set_up() -> None:
    """Set up the project that DJANGO_SETTINGS_MODULE names, and take its settings.

    Raises `ConfigurationError` where the project cannot be set up, with the kind of the project's own error; what other errors
    say may hold a secret, such as a database's URL.
    """
    try:
        django.setup()
    except Exception as error:  # the project's own code runs here, and may raise anything
        named, kind = os.environ.get("DJANGO_SETTINGS_MODULE"), type(error).__name__
        why = f"{kind}: {error}" if isinstance(error, ImportError) else kind
        raise ConfigurationError(
            [
                f"the Django project of DJANGO_SETTINGS_MODULE={named} could not be set up ({why}); see what manage.py check says of it"
            ]
        ) from error
    conf.connect_once()
