"""Where mails that passed the intake go: to the outbox, to the store after the commit, or to the store at once."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from django.db import transaction

from notifier.delivery.intake import Accepted
from notifier.integrations.django.conf import outbox_is_on
from notifier.tasks.bells import gate
from notifier.tasks.enqueue import enqueue


def hand_over(mails: Sequence[Accepted], using: str | None, *, robust: bool = False) -> None:
    """Take the mails over; ``using`` is the database whose transaction they belong to (None: the default one).

    With the outbox they are rows of that transaction. Without it and inside ``atomic()`` they are stored after the commit, and
    not at all after a rollback; ``robust`` then only logs what goes wrong, as Django's ``on_commit`` does. Raises
    `BrokerUnavailable` or `StoreUnavailable`; after a commit too, for nobody would hear of it otherwise.
    """
    if outbox_is_on():
        # By its name: it imports models, which are there for projects that have it in INSTALLED_APPS alone.
        import_module("notifier.integrations.django.outbox").write(mails, using=using)
    elif transaction.get_connection(using).in_atomic_block:
        gate.ensure()  # what cannot work is told before the commit
        transaction.on_commit(lambda: _enqueue(mails), using=using, robust=robust)
    else:
        _enqueue(mails)


def _enqueue(mails: Sequence[Accepted]) -> None:
    enqueue(mails)
