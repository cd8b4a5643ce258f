"""Events as log lines. Recipients, subjects and contexts never stand in them; the mail's id leads to the ledger."""

from __future__ import annotations

import logging

from notifier.model.events import (
    BreakerClosed,
    BreakerOpened,
    Event,
    MailSettled,
    MailsSwept,
    RelayComplained,
    SessionOpened,
    SessionRetired,
    SessionReused,
    SessionWaited,
)
from notifier.model.state import MailState

log = logging.getLogger("notifier")

_LEVEL = {
    MailState.SENT: logging.INFO,
    MailState.WAITING: logging.INFO,
    MailState.UNKNOWN: logging.WARNING,
    MailState.FAILED: logging.WARNING,
    MailState.EXPIRED: logging.WARNING,
    MailState.QUARANTINED: logging.ERROR,
}


def log_event(event: Event, /) -> None:
    """One line for one event, at the level that an operator expects."""
    match event:
        case MailSettled():
            _log_settled(event)
        case SessionOpened():
            log.debug("session to %s opened in %.3f s, %s", event.relay, event.seconds, event.tls or "no TLS")
        case SessionReused():
            log.debug("session to %s reused after %d mails", event.relay, event.transactions)
        case SessionWaited():
            log.debug("a session to %s was waited for, %.3f s", event.relay, event.seconds)
        case SessionRetired():
            log.debug("session to %s retired (%s) after %d mails", event.relay, event.reason, event.transactions)
        case BreakerOpened():
            log.warning(
                "mails for %s wait %.0f s (%s): %s", event.relay, event.seconds, event.about, event.why or "no reason"
            )
        case BreakerClosed():
            log.warning("%s takes mails again", event.relay)
        case RelayComplained():
            log.warning("%s gets too much, with %d connections: %s", event.relay, event.connections, event.why)
        case MailsSwept():
            _log_swept(event)


def _log_settled(event: MailSettled) -> None:
    log.log(
        _LEVEL.get(event.state, logging.INFO),
        "mail %s %s, attempt %d, %.3f s after enqueue, relay %s: %s",
        event.mail_id,
        event.state,
        event.attempt,
        event.seconds,
        event.relay or "-",
        event.fault or event.reply or "-",
    )


def _log_swept(event: MailsSwept) -> None:
    repaired = event.leases_over or event.unknown
    log.log(
        logging.WARNING if repaired else logging.DEBUG,
        "queue %s swept: %d leases over (%d quarantined), %d unknown (%d parked), %d bells rung",
        event.queue,
        event.leases_over,
        event.quarantined,
        event.unknown,
        event.parked,
        event.rung,
    )
