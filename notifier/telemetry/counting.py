"""Events as figures: one listener, a few additions for each event."""

from __future__ import annotations

from notifier.model.events import (
    BreakerClosed,
    BreakerOpened,
    Event,
    LedgerChanged,
    MailHeld,
    MailsDelivered,
    MailSettled,
    MailsSwept,
    RelayComplained,
    SessionMissed,
    SessionNotOpened,
    SessionOpened,
    SessionParked,
    SessionRetired,
    SessionReused,
    SessionWaited,
)
from notifier.model.state import DEAD, MailState
from notifier.model.stopwatch import Step
from notifier.telemetry.figures import Figures
from notifier.telemetry.metrics import MOST_VALUES, OTHER

OWN_MESSAGE = "(message)"
Session = (
    SessionOpened | SessionNotOpened | SessionReused | SessionParked | SessionWaited | SessionMissed | SessionRetired
)


class Counting:
    """A listener. Safe to share between threads."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def __call__(self, event: Event, /) -> None:
        """Count it."""
        match event:
            case MailSettled():
                self._settled(event)
            case MailsDelivered(queue=name, seconds=seconds):
                queue = self._bounded("queue", name)
                self._figures.add("notifier_batches_total", (queue,))
                self._figures.observe("notifier_batch_seconds", (queue,), seconds)
            case MailHeld(queue=name, limits=limits):
                queue = self._bounded("queue", name)
                for kind in {limit.partition(" ")[0] for limit in limits}:
                    self._figures.add("notifier_limited_total", (queue, kind))
            case BreakerOpened() | BreakerClosed() | RelayComplained():
                self._relay(event)
            case MailsSwept():
                self._swept(event)
            case LedgerChanged(why=why, parked=parked):
                self._figures.add("notifier_ledger_changes_total", (why,))
                self._figures.add("notifier_parked_after_restore_total", (), parked)
            case _:
                self._session(event)

    def _settled(self, event: MailSettled) -> None:
        figures, queue = self._figures, self._bounded("queue", event.queue)
        figures.add("notifier_settled_total", (queue, self._template(event.template), event.state.value))
        if event.state is MailState.WAITING:
            figures.add("notifier_retries_total", (queue, self._reason(event)))
        elif event.state in DEAD:
            figures.add("notifier_failures_total", (queue, self._reason(event)))
        elif event.state is MailState.SENT:
            figures.observe("notifier_delivery_seconds", (queue,), max(0.0, event.seconds))
        for took in event.took:
            if took.step is not Step.DOT_WAIT:
                figures.observe("notifier_step_seconds", (took.step.value,), took.seconds)
            elif event.relay:
                figures.observe("notifier_dot_wait_seconds", (self._bounded("relay", event.relay),), took.seconds)

    def _template(self, template: str | None) -> str:
        return OTHER if template is None else self._bounded("template", template) if template else OWN_MESSAGE

    def _reason(self, event: MailSettled) -> str:
        return "handed_back" if event.fault is None else self._bounded("reason", event.fault.taxonomy_id)

    def _relay(self, event: BreakerOpened | BreakerClosed | RelayComplained) -> None:
        relay = self._bounded("relay", event.relay)
        match event:
            case BreakerOpened(about=about):
                self._figures.add("notifier_breaker_opened_total", (relay, about))
            case BreakerClosed():
                self._figures.add("notifier_breaker_closed_total", (relay,))
            case RelayComplained():
                self._figures.add("notifier_relay_complaints_total", (relay,))

    def _swept(self, event: MailsSwept) -> None:
        queue = self._bounded("queue", event.queue)
        self._figures.add("notifier_sweeps_total", (queue,))
        for state, number in (
            ("waiting", event.rung),
            ("claimed", event.leases_over),
            ("at_dot", event.unknown),
        ):
            self._figures.add("notifier_rung_again_total", (queue, state), number)

    def _session(self, event: Session) -> None:
        figures, relay = self._figures, self._bounded("relay", event.relay)
        match event:
            case SessionReused():
                figures.add("notifier_sessions_reused_total", (relay,))
                self._moved(relay, in_use=1, idle=-1)
            case SessionParked():
                self._moved(relay, in_use=-1, idle=1)
            case SessionOpened(seconds=seconds):
                figures.add("notifier_sessions_opened_total", (relay,))
                figures.observe("notifier_session_open_seconds", (relay,), seconds)
                self._moved(relay, in_use=1)
            case SessionNotOpened(seconds=seconds):
                figures.add("notifier_sessions_not_opened_total", (relay,))
                figures.observe("notifier_session_open_seconds", (relay,), seconds)
            case SessionRetired(reason=reason, lent=lent):
                figures.add("notifier_sessions_retired_total", (relay, reason))
                if reason != "fork":  # the parent counts that one
                    self._moved(relay, in_use=-lent, idle=-(not lent))
            case SessionWaited(seconds=seconds):
                figures.observe("notifier_session_wait_seconds", (relay,), seconds)
            case SessionMissed(why=why):
                figures.add("notifier_session_waits_missed_total", (relay, why))

    def _moved(self, relay: str, *, in_use: int = 0, idle: int = 0) -> None:
        for use, change in (("in_use", in_use), ("idle", idle)):
            if change:
                self._figures.add("notifier_sessions", (relay, use), change)

    def _bounded(self, label: str, value: str) -> str:
        """What a label says: a flood of values of an application's or a stranger's making is no flood of series.

        Asked of the slot, which outlives its process: children that are recycled, each with values of its own, would fill it.
        """
        known = self._figures.known(label)
        if value in known:
            return value
        if len(known) >= MOST_VALUES:
            return OTHER
        known.add(value)
        return value
