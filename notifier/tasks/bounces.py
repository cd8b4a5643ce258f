"""The desk for bounces and complaints of this process's settings and store."""

from __future__ import annotations

from notifier.bounces import Desk, Rules
from notifier.tasks.runtime import runtime


def desk() -> Desk:
    """Who takes them. Raises `ConfigurationError`."""
    here = runtime()
    bounces = here.settings.bounces
    rules = Rules(
        secrets=tuple(key.secret for key in bounces.returning.keys),
        unsigned=bounces.unsigned,
        tolerated=bounces.tolerance.mails,
        within=bounces.tolerance.seconds,
        suppress_for=here.settings.suppress_for,
    )
    return Desk(here.store, rules)
