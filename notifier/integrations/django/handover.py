"""Where mails that passed the intake go: to the outbox, to the store after the commit, or to the store at once."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from notifier.delivery.intake import Accepted
from notifier.integrations.django.conf import outbox_is_on
from notifier.integrations.django.smtplib_errors import djangos_errors
from notifier.tasks.bells import gate
from notifier.tasks.enqueue import enqueue

APP = "notifier.integrations.django"


def hand_over(mails: Sequence[Accepted], using: str | None, *, robust: bool = False) -> None:
    """Take the mails over; ``using`` is the database whose transaction they belong to (None: the default one).

    With the outbox they are rows of that transaction. Without it and inside ``atomic()`` they are stored after the commit, and
    not at all after a rollback; ``robust`` then only logs what goes wrong, as Django's ``on_commit`` does. Raises
    `BrokerUnavailable` or `StoreUnavailable`; after a commit too, for nobody would hear of it otherwise.
    """
    if outbox_is_on():
        _outbox().write(mails, using=using)
    elif transaction.get_connection(using).in_atomic_block:
        gate.ensure()  # what cannot work is told before the commit
        transaction.on_commit(lambda: _enqueue(mails), using=using, robust=robust)
    else:
        enqueue(mails)


def _outbox() -> ModuleType:
    """By its name: it imports models, and those are there only for projects that have the app installed."""
    if not apps.is_installed(APP):
        raise ImproperlyConfigured(
            f"NOTIFIER['outbox'] is on, and the outbox has no tables: put {APP!r} into INSTALLED_APPS, and migrate"
        )
    return import_module(f"{APP}.outbox")


def _enqueue(mails: Sequence[Accepted]) -> None:
    with djangos_errors():
        enqueue(mails)
