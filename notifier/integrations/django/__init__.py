"""Notifier in a Django project: ``"notifier.integrations.django"`` in ``INSTALLED_APPS``, and the backends for ``EMAIL_BACKEND``
or ``MAILERS``. Needs Django 4.2 or newer.

The names are loaded when they are first used (PEP 562): Django imports this package before its apps are ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifier.integrations.django.backends import EmailBackend, SMTPBackend

__all__ = ["EmailBackend", "SMTPBackend"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from notifier.integrations.django import backends  # noqa: PLC0415 - it loads Celery

    return getattr(backends, name)
