"""`manage.py sendtestmail`: the same as `sendtestemail`."""

from __future__ import annotations

from notifier.integrations.django.management.commands.sendtestemail import Command

__all__ = ["Command"]
