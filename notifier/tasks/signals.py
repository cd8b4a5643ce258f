"""Signals for application code in the worker: ``mail_accepted``, ``mail_deferred``, ``mail_failed``, ``mail_unknown``,
``mail_bounced``, ``mail_complained``.

Connect receivers in a module that the worker imports. They get ``event``, a `HookEvent`, some time after the settlement
was stored, in any slot of any worker, and after a crash perhaps twice. What a receiver raises is logged.
"""

from __future__ import annotations

from celery.utils.dispatch import Signal

from notifier.model.hook import HookEvent, Told

mail_accepted = Signal(name=Told.ACCEPTED.value)
mail_deferred = Signal(name=Told.DEFERRED.value)
mail_failed = Signal(name=Told.FAILED.value)
mail_unknown = Signal(name=Told.UNKNOWN.value)
mail_bounced = Signal(name=Told.BOUNCED.value)
mail_complained = Signal(name=Told.COMPLAINED.value)

_SIGNALS = {
    Told.ACCEPTED: mail_accepted,
    Told.DEFERRED: mail_deferred,
    Told.FAILED: mail_failed,
    Told.UNKNOWN: mail_unknown,
    Told.BOUNCED: mail_bounced,
    Told.COMPLAINED: mail_complained,
}


def anybody_listens() -> bool:
    """True where a receiver is connected."""
    return any(signal.receivers for signal in _SIGNALS.values())


def send(event: HookEvent) -> None:
    """Tell every receiver; Celery's signals log what one raises, and go on."""
    _SIGNALS[event.name].send(sender=HookEvent, event=event)
