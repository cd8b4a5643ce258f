"""The reports that there are: those of the modules in the settings, and Notifier's own."""

from __future__ import annotations

import logging
from importlib import import_module

from notifier.errors import ConfigurationError
from notifier.reports.registry import registry
from notifier.settings import Settings
from notifier.tasks.delivery_report import NAME, TEMPLATE, delivery_report
from notifier.tasks.report import report

log = logging.getLogger(__name__)

WEEKLY = "0 8 * * mon"


def load_reports(settings: Settings) -> None:
    """Import what NOTIFIER_REPORTS names. Raises `ConfigurationError` with every problem."""
    problems = [problem for name in settings.report_modules for problem in _imported(name)]
    if settings.delivery_report_to and NAME not in registry:  # an application may have given it another schedule
        to = tuple(map(str, settings.delivery_report_to))
        report(NAME, schedule=WEEKLY, recipients=to, template=TEMPLATE)(delivery_report)
    problems += [
        f"report {one.name!r} is of the mail class {one.mail_class!r}; known: {', '.join(sorted(settings.classes))}"
        for one in registry
        if one.mail_class not in settings.classes
    ]
    if problems:
        raise ConfigurationError(problems)


def load_reports_of_worker(settings: Settings) -> None:
    """The same, but what is wrong with one report is told, and keeps neither mails nor other reports."""
    try:
        load_reports(settings)
    except ConfigurationError as error:
        log.error("mails and the other reports go on without these: %s", error)  # noqa: TRY400 - for operators


def _imported(name: str) -> list[str]:
    try:
        import_module(name)
    except Exception as error:  # noqa: BLE001 - whatever a module of an application raises
        return [f"NOTIFIER_REPORTS names {name}, which cannot be imported: {type(error).__name__}: {error}"]
    return []
