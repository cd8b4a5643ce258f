"""`@report`, and the tasks that send reports: one that looks what is due, and `send_report` for each.

Beat only says that a minute is over. What is due, who has it and who has got it stands in the store, so that two beats,
a beat that comes back and a message that comes twice do no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from celery import schedules

from notifier.model.address import Address
from notifier.reports.crontab import Crontab
from notifier.reports.registry import Report, ReportFunction, checked, registry
from notifier.tasks.app import our_task
from notifier.tasks.broker_errors import BROKER_ERRORS
from notifier.tasks.publishing import publish
from notifier.tasks.report_periods import open_due
from notifier.tasks.report_sending import send_period
from notifier.tasks.runtime import runtime

log = logging.getLogger(__name__)

Function = TypeVar("Function", bound=ReportFunction)

ENTRY = "send-due-reports"  # of beat
LOOK_EVERY = 60.0  # seconds
# At the start of each minute, as crontabs have it. Beat's own clock and zone do not matter, redbeat can keep it, and after an
# outage one look is enough.
BEAT_ENTRY: Mapping[str, Any] = {
    "task": "notifier.reports",
    "schedule": schedules.crontab(),
    "options": {"expires": LOOK_EVERY - 5},
}


def report(
    name: str,
    *,
    schedule: object,
    recipients: object,
    template: str,
    timezone: object = "UTC",
    catch_up: str = "latest",
    mail_class: str = "report",
    sender: str | Address | None = None,
    reply_to: object = None,
    locale: str | None = None,
    tenant: str | None = None,
) -> Callable[[Function], Function]:
    """Register a function as a report: it is called with a `Period` and returns a context, a `ReportResult`, or None.

    ``schedule`` is crontab text, a timedelta, or one of Celery's; ``timezone`` a name or a `ZoneInfo`. ``recipients`` are
    addresses, or mappings with ``to`` and ``locale`` or ``context`` of their own, or a function of the period that returns
    them. ``catch_up`` says what becomes of periods that ended while nobody looked: ``skip``, ``latest`` or ``all``.
    Raises `InvalidReport`.
    """
    given = {"sender": sender, "reply_to": reply_to, "locale": locale, "tenant": tenant}

    def register(function: Function) -> Function:
        registry.add(
            checked(
                name,
                function,
                schedule=_of_celery(schedule),
                recipients=recipients,
                template=template,
                timezone=timezone,
                catch_up=catch_up,
                mail_class=mail_class,
                mail={key: value for key, value in given.items() if value is not None},
            )
        )
        return function

    return register


def _of_celery(schedule: object) -> object:
    """Celery's schedules as ours; others as they are."""
    given: Any = schedule  # the stubs do not know the fields
    if isinstance(schedule, schedules.crontab):
        fields = (given.minute, given.hour, given.day_of_month, given.month_of_year, given.day_of_week)
        minutes, hours, days, months, weekdays = (frozenset(map(int, field)) for field in fields)
        return Crontab(minutes, hours, days, months, weekdays, text=str(schedule))
    if isinstance(schedule, schedules.schedule):
        return given.run_every
    return schedule


# Like a bell: acknowledged early, never retried by Celery. What was not done is due at the next look.
@our_task(name="notifier.reports", acks_late=False, ignore_result=True, max_retries=0, shared=False)
def look_for_due_reports() -> None:
    """Publish `send_report` for each period that is due; beat calls it every minute."""
    store = runtime().store
    for one in registry:
        for period in open_due(one, store.reports):
            _publish(one, period)


def _publish(one: Report, period: str) -> None:
    try:
        publish(send_report, args=(one.name, period), expires=LOOK_EVERY)
    except BROKER_ERRORS as error:
        log.warning("report %s of %s waits for the next look: %s", one.name, period, type(error).__name__)


@our_task(name="notifier.send_report", acks_late=False, ignore_result=True, max_retries=0, shared=False)
def send_report(name: str, period: str | None = None) -> None:
    """Send what is due of the report ``name``, or one ``period`` of it; nothing where another worker has it, or it is sent.

    Raises `ReportNotFound`, `StoreUnavailable`.
    """
    one = registry[name]
    for key in open_due(one, runtime().store.reports) if period is None else [period]:
        send_period(one, key)
