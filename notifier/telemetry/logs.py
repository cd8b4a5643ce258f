"""Events as log lines. Subjects and contexts never stand in them, and recipients are masked, in a server's words too; the mail's id
leads to the ledger.

Each line has the facts of its event as fields too, for `notifier.telemetry.json_lines`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from notifier.errors import BlobUnavailable
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
from notifier.telemetry import tracing
from notifier.telemetry.json_lines import FIELDS
from notifier.telemetry.masking import masked_list, without, without_any

log = logging.getLogger("notifier")

_LEVEL = {
    MailState.SENT: logging.INFO,
    MailState.WAITING: logging.INFO,
    MailState.UNKNOWN: logging.WARNING,
    MailState.FAILED: logging.WARNING,
    MailState.EXPIRED: logging.WARNING,
    MailState.QUARANTINED: logging.ERROR,
}


# Such mails wait, and do so until somebody mends this host: a worker's log shows no more than warnings unless it is asked to.
_OF_THIS_HOST = frozenset({BlobUnavailable.__name__})


def log_event(event: Event, /) -> None:
    """One line for one event, at the level that an operator expects. Of some there is none."""
    if (say := _SAY.get(type(event))) is not None:
        say(event)


def _log_waited(event: SessionWaited) -> None:
    log.debug("a session to %s was waited for, %.3f s", event.relay, event.seconds, extra=_extra(event))


def _log_missed(event: SessionMissed) -> None:
    words = (
        "no turn to connect to %s, %.3f s" if event.why == "turn" else "a session to %s was waited for in vain, %.3f s"
    )
    log.debug(words, event.relay, event.seconds, extra=_extra(event))


def _log_closed(event: BreakerClosed) -> None:
    log.warning("%s takes mails again", event.relay, extra=_extra(event))


def _log_ledger(event: LedgerChanged) -> None:
    log.error(
        "the store was %s: epoch %s is now %s. What waited in it and is not there now has to be enqueued again; "
        "%d mails that may go only once, and may have gone, are parked for a person",
        event.why,
        event.was[:8],
        event.now[:8],
        event.parked,
        extra=_extra(event),
    )


def _log_opened(event: BreakerOpened) -> None:
    event = replace(event, why=_in_one_line(without_any(event.why)))
    log.warning(
        "mails for %s wait %.0f s (%s): %s",
        event.relay,
        event.seconds,
        event.about,
        event.why or "no reason",
        extra=_extra(event),
    )


def _log_complaint(event: RelayComplained) -> None:
    event = replace(event, why=_in_one_line(without_any(event.why)))
    log.warning(
        "%s gets too much, with %d connections: %s", event.relay, event.connections, event.why, extra=_extra(event)
    )


def _in_one_line(words: str) -> str:
    """A reply of several lines, or one with escape sequences, would forge lines of a log for people, or paint their terminal."""
    return words if words.isprintable() else "".join(one if one.isprintable() else " " for one in words)


def _extra(event: Event) -> dict[str, Any]:
    """The event as the fields of a line."""
    named = {field.name: getattr(event, field.name) for field in fields(event)}
    return {FIELDS: {"event": type(event).__name__, **named}}


def _log_session(event: SessionOpened | SessionNotOpened | SessionReused | SessionRetired) -> None:
    if log.isEnabledFor(logging.DEBUG):  # there is one for each checkout
        log.debug(*_words_of_session(event), extra=_extra(event))


def _words_of_session(
    event: SessionOpened | SessionNotOpened | SessionReused | SessionRetired,
) -> tuple[str, *tuple[object, ...]]:
    """A format and its arguments."""
    match event:
        case SessionOpened(relay, number, tls, seconds):
            return "session %d to %s opened in %.3f s, %s", number, relay, seconds, tls or "no TLS"
        case SessionNotOpened(relay, seconds, why):
            return "no session to %s opened after %.3f s: %s", relay, seconds, _in_one_line(why)
        case SessionReused(relay, number, transactions):
            return "session %d to %s reused after %d mails", number, relay, transactions
        case SessionRetired(relay=relay, session=number, reason=reason, transactions=transactions):
            return "session %d to %s retired (%s) after %d mails", number, relay, reason, transactions


def _log_settled(event: MailSettled) -> None:
    level = _LEVEL.get(event.state, logging.INFO)
    if event.fault is not None and event.fault.taxonomy_id in _OF_THIS_HOST:
        level = max(level, logging.WARNING)
    if not log.isEnabledFor(level):
        return
    recipients = masked_list(event.recipients)
    said = str(event.fault or event.reply or "-")
    log.log(
        level,
        "mail %s %s, attempt %d, %.3f s after enqueue, to %s, relay %s: %s",
        event.mail_id,
        event.state,
        event.attempt,
        event.seconds,
        ", ".join(recipients) or "-",
        event.relay or "-",
        _in_one_line(without(event.recipients, said)),
        extra={FIELDS: _facts(event, recipients)},
    )


def _facts(event: MailSettled, recipients: list[str]) -> dict[str, Any]:
    return {
        "event": "MailSettled",
        "mail_id": event.mail_id,
        "queue": event.queue,
        "state": event.state.value,
        "attempt": event.attempt,
        "seconds": round(event.seconds, 3),
        "relay": event.relay,
        "template": event.template,
        "recipients": recipients,
        "taxonomy_id": event.fault.taxonomy_id if event.fault is not None else None,
        **tracing.ids(event.trace),
    }


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
        extra=_extra(event),
    )


# By type and not by patterns, which are tried one after the other: there is an event for each checkout and each return.
_SAY: Mapping[type[Event], Callable[[Any], None]] = {
    MailSettled: _log_settled,
    SessionOpened: _log_session,
    SessionNotOpened: _log_session,
    SessionReused: _log_session,
    SessionRetired: _log_session,
    SessionWaited: _log_waited,
    SessionMissed: _log_missed,
    BreakerOpened: _log_opened,
    BreakerClosed: _log_closed,
    RelayComplained: _log_complaint,
    MailsSwept: _log_swept,
    LedgerChanged: _log_ledger,
}
