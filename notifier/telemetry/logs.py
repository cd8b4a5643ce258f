"""Events as log lines. Recipients, subjects and contexts never stand in them; the mail's id leads to the ledger."""

from __future__ import annotations

import logging

from notifier.model.events import (
    BreakerClosed,
    BreakerOpened,
    Event,
    LedgerChanged,
    MailSettled,
    MailsSwept,
    RelayComplained,
    SessionMissed,
    SessionNotOpened,
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
        case SessionReused() | SessionOpened() | SessionNotOpened() | SessionRetired():  # first what comes most often
            _log_session(event)
        case MailSettled():
            _log_settled(event)
        case SessionWaited():
            log.debug("a session to %s was waited for, %.3f s", event.relay, event.seconds)
        case SessionMissed():
            log.debug("a session to %s was waited for in vain, %.3f s", event.relay, event.seconds)
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
        case LedgerChanged():
            log.error(
                "the store was %s: epoch %s is now %s. What waited in it and is not there now has to be enqueued again; "
                "%d mails that may go only once, and may have gone, are parked for a person",
                event.why,
                event.was[:8],
                event.now[:8],
                event.parked,
            )


def _log_session(event: SessionOpened | SessionNotOpened | SessionReused | SessionRetired) -> None:
    if log.isEnabledFor(logging.DEBUG):  # there is one for each checkout
        log.debug(*_words_of_session(event))


def _words_of_session(
    event: SessionOpened | SessionNotOpened | SessionReused | SessionRetired,
) -> tuple[str, *tuple[object, ...]]:
    """A format and its arguments."""
    match event:
        case SessionOpened(relay, number, tls, seconds):
            return "session %d to %s opened in %.3f s, %s", number, relay, seconds, tls or "no TLS"
        case SessionNotOpened(relay, seconds, why):
            return "no session to %s opened after %.3f s: %s", relay, seconds, why
        case SessionReused(relay, number, transactions):
            return "session %d to %s reused after %d mails", number, relay, transactions
        case SessionRetired(relay, number, reason, transactions):
            return "session %d to %s retired (%s) after %d mails", number, relay, reason, transactions


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
