"""The unsubscribe endpoint of this process's settings and store, to mount under ``NOTIFIER_UNSUBSCRIBE_URL``."""

from __future__ import annotations

from notifier.delivery.unsubscribing import Unsubscription
from notifier.errors import ConfigurationError
from notifier.tasks.runtime import runtime
from notifier.unsubscribe import ASGI, WSGI, Desk


def of_settings() -> Desk:
    """Who answers. Raises `ConfigurationError`."""
    here = runtime()
    if here.settings.unsubscribe is None:
        raise ConfigurationError(
            ["NOTIFIER_UNSUBSCRIBE_URL and NOTIFIER_UNSUBSCRIBE_KEYS are not set, and nobody can unsubscribe without"]
        )

    def suppress(one: Unsubscription) -> None:
        here.store.suppression.add(one.address, "unsubscribed", mail_id=one.mail_id, mailing_list=one.mailing_list)

    return Desk(here.settings.unsubscribe.keys, suppress)


unsubscribe_wsgi = WSGI(of_settings)
unsubscribe_asgi = ASGI(of_settings)
