"""The Django app: put ``"notifier.integrations.django"`` into ``INSTALLED_APPS``."""

from __future__ import annotations

from django.apps import AppConfig


class NotifierConfig(AppConfig):
    """Its label is ``notifier``: tables and permissions begin with that."""

    name = "notifier.integrations.django"
    label = "notifier"
    verbose_name = "Notifier"
    default_auto_field = "django.db.models.BigAutoField"
