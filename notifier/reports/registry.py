"""`Registry`: the reports of an application by their names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from notifier.errors import InvalidReport, ReportNotFound
from notifier.model.address import Address
from notifier.reports.catch_up import CatchUp
from notifier.reports.periods import Period
from notifier.reports.result import ReportResult
from notifier.reports.schedules import Schedule, read_schedule

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")

Recipient = str | Address | Mapping[str, Any]
ReportFunction = Callable[[Period], Mapping[str, Any] | ReportResult | None]


@dataclass(frozen=True, slots=True)
class Report:
    """``recipients`` are addresses, or mappings with ``to`` and ``locale`` or ``context`` of their own; or a function of the
    period that returns them. ``mail``: further arguments of `send_email`.
    """

    name: str
    function: ReportFunction
    schedule: Schedule
    zone: ZoneInfo
    recipients: Sequence[Recipient] | Callable[[Period], Sequence[Recipient]]
    template: str
    catch_up: CatchUp = CatchUp.LATEST
    mail_class: str = "report"
    mail: Mapping[str, Any] = field(default_factory=dict)


class Registry:
    """Names are unique: two functions under one name would send one report in place of the other."""

    def __init__(self) -> None:
        self._reports: dict[str, Report] = {}

    def __iter__(self) -> Iterator[Report]:
        return iter([self._reports[name] for name in sorted(self._reports)])

    def __contains__(self, name: str) -> bool:
        return name in self._reports

    def __getitem__(self, name: str) -> Report:
        """Raises `ReportNotFound`."""
        if name not in self._reports:
            known = ", ".join(sorted(self._reports)) or "none; NOTIFIER_REPORTS names the modules that hold them"
            raise ReportNotFound(f"there is no report {name!r}; known: {known}")
        return self._reports[name]

    def add(self, report: Report) -> None:
        """Raises `InvalidReport` where another function has the name. The same function again is a module loaded anew."""
        other = self._reports.get(report.name)
        if other is not None and _origin(other.function) != _origin(report.function):
            raise InvalidReport(
                f"report {report.name!r} is there twice: {_place(other.function)}, {_place(report.function)}"
            )
        self._reports[report.name] = report


def checked(
    name: str,
    function: ReportFunction,
    *,
    schedule: object,
    recipients: object,
    template: object,
    timezone: object,
    catch_up: object,
    mail_class: str,
    mail: Mapping[str, Any],
) -> Report:
    """A report of which everything was looked at. Raises `InvalidReport`."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidReport(
            f"a report is named by small letters, digits, - and _ (such as 'weekly-orders'), not {name!r}"
        )
    _check_function(name, function)
    if not isinstance(template, str) or not template:
        raise InvalidReport(f"report {name!r}: template is the name of one, not {template!r}")
    try:
        read = read_schedule(schedule)
    except (ValueError, TypeError) as error:
        raise InvalidReport(f"report {name!r}: {error}") from None
    if catch_up not in tuple(CatchUp):
        raise InvalidReport(f"report {name!r}: catch_up is one of {', '.join(CatchUp)}, not {catch_up!r}")
    whom = _recipients(name, recipients)
    policy = CatchUp(str(catch_up))
    return Report(name, function, read, _zone(name, timezone), whom, template, policy, mail_class, mail)


def _zone(name: str, given: object) -> ZoneInfo:
    if isinstance(given, ZoneInfo):
        return given
    try:
        return ZoneInfo(str(given))
    except (OSError, ValueError, LookupError):
        raise InvalidReport(f"report {name!r}: {given!r} is no time zone, such as 'Europe/Berlin'") from None


def _check_function(name: str, function: object) -> None:
    if not callable(function):
        raise InvalidReport(f"report {name!r} is a function, and not {type(function).__name__}")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidReport(f"report {name!r} is asynchronous, and no loop runs in a worker; call asyncio.run(…) in it")


def _recipients(name: str, given: Any) -> Any:
    if callable(given):
        _check_function(name, given)
        return given
    if not (many := listed_recipients(name, given)):
        raise InvalidReport(f"report {name!r}: recipients is a list of addresses, or a function that returns one")
    return many


def listed_recipients(name: str, given: Any) -> tuple[Recipient, ...]:
    """As they were given, or as a function of them has returned them. One alone is a list of one. Raises `InvalidReport`."""
    if isinstance(given, str | Address | Mapping):
        return (given,)
    if not isinstance(given, Iterable):
        raise InvalidReport(f"report {name!r}: recipients are a list of addresses, and not {type(given).__name__}")
    return tuple(given)


def _place(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', repr(function))}"


def _origin(function: Callable[..., Any]) -> list[object]:
    """The same for a function whose module is loaded anew; another for each line, and for each that one function has made."""
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    line = getattr(getattr(function, "__code__", None), "co_firstlineno", 0)
    return [_place(function), line, *(_place(one) if callable(one) else one for one in cells)]


registry = Registry()
