"""The Django app: its settings become Notifier's when Django is set up."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class NotifierConfig(AppConfig):
    """``"notifier.integrations.django"`` in ``INSTALLED_APPS``."""

    name = "notifier.integrations.django"
    label = "notifier"
    verbose_name = "Notifier"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Nothing is read or connected yet: the settings are looked at when the first mail needs them."""
        from notifier.integrations.django import conf, system_checks, template_engine  # noqa: PLC0415 - they load Celery

        conf.connect()
        template_engine.connect()
        checks.register(system_checks.check_settings, "notifier")
