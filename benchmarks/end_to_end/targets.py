"""What was aimed at, beside what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.end_to_end import cases, light, start
from benchmarks.end_to_end.drain import Measured
from benchmarks.end_to_end.found import Found

MB = 1e6


@dataclass(frozen=True, slots=True)
class Target:
    """``found`` in words; ``kept`` None where there is no figure."""

    work: str
    aim: str
    found: str
    kept: bool | None


def targets(found: Found) -> list[Target]:
    """Every row; one without figures says so."""
    return [row for rows in _ROWS for row in rows(found)]


def ratio(mine: Measured, theirs: Measured, name: str) -> float | None:
    """Of a figure, the median of the ratios within each round: what slows a round slows both."""
    pairs = list(zip(mine.all(name), theirs.all(name), strict=False))
    return median(one / other for one, other in pairs) if pairs else None


def _at_most(work: str, limit: float, value: float | None, unit: str = "", aim: str | None = None) -> Target:
    return _row(work, aim or f"at most {limit:g}{unit}", value, unit, lambda one: one <= limit)


def _at_least(work: str, limit: float, value: float | None, unit: str = " times", aim: str | None = None) -> Target:
    return _row(work, aim or f"at least {limit:g}{unit}", value, unit, lambda one: one >= limit)


def _row(work: str, aim: str, value: float | None, unit: str, kept: Callable[[float], bool]) -> Target:
    if value is None:
        return Target(work, aim, "not measured", None)
    return Target(work, aim, f"{_shown(value, aim)}{unit}", kept(value))


def _shown(value: float, aim: str) -> str:
    if "1/" in aim:
        return f"1/{1 / value:.1f}"
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def _drained(found: Found) -> Iterator[Target]:
    one = found.drained
    for name, part, times in ((cases.BULK_DATA, 7, 8), (cases.BULK_CHUNKING, 10, 12)):
        for theirs in (cases.DJANGO_MANY, cases.DJANGO_EACH):  # the target does not say which
            costs, rates = (_of(one, name, theirs, figure) for figure in ("worker", "rate"))
            yield _at_most(f"{name}: worker's processor time, of {theirs}", 1 / part, costs, aim=f"at most 1/{part}")
            yield _at_least(f"{name}: drained, beside {theirs}", times, rates)
    against = ((cases.DJANGO_EACH, 8, "django-celery-email"), (cases.NO_TASKS, 3, "tasks that do nothing"))
    for name, times, told in against:
        yield _at_least(f"{cases.SINGLES}: drained, beside {told}", times, _of(one, cases.SINGLES, name, "rate"))


def _of(measured: dict[str, Measured], mine: str, theirs: str, name: str) -> float | None:
    return ratio(measured[mine], measured[theirs], name) if mine in measured and theirs in measured else None


def _enqueuing(found: Found) -> Iterator[Target]:
    costs = found.enqueuing
    one = (
        median(mine / task for each in costs for mine, task in zip(each.one, each.task, strict=True)) if costs else None
    )
    many = median(mail for each in costs for mail in each.many) * 1e6 if costs else None
    yield _at_most("enqueue one while a worker is busy, of `delay()` of an empty task", 0.5, one)
    yield _at_most("enqueue many: processor time, ids returned, with idempotency keys", 25, many, " µs a mail")


def _light(found: Found) -> Iterator[Target]:
    for of, limit in ((0.5, 0.7), (0.99, 0.8)):
        sides = [[light.part(one, of) for one in found.light.get(name, [])] for name in (light.OURS, light.THEIRS)]
        pairs = list(zip(*sides, strict=False))
        value = median(mine / other for mine, other in pairs) if pairs else None
        yield _at_most(
            f"20 mails a second, call to acceptance: p{of * 100:.0f}, of django-celery-email's", limit, value
        )


def _far(found: Found) -> Iterator[Target]:
    value = _of(found.far, cases.FAR_OURS, cases.FAR_KEPT, "rate")
    yield _at_least("a relay 100 ms away, 8 children: drained, beside `smtplib` kept", 20, value)


def _encrypted(found: Found) -> Iterator[Target]:
    value = median(tls / plain for tls, plain in found.encrypted) if found.encrypted else None
    yield _at_most("STARTTLS on a kept session, 50 KB, of the time without", 1.3, value, " times")


def _memory(found: Found) -> Iterator[Target]:
    held = found.held
    largest = max(held[-1].main, held[-1].child) / MB if held else None
    grown = (held[-1].child - held[1].child) / MB if len(held) > 1 else None
    mails = f"{held[-1].mails:,} mails" if held else "100,000 mails"
    yield _at_most(f"a worker's process after {mails}", 80, largest, " MB")
    yield _at_most(
        "what its child has grown meanwhile, from two fifths of it on", 1, grown, " MB", "nothing (under 1 MB)"
    )


def _start(found: Found) -> Iterator[Target]:
    took = {name: median(seconds) * 1000 for name, seconds in found.start.items()}
    for statement in start.STATEMENTS:
        yield _at_most(f"`{statement}`", 60, took.get(f"`{statement}`"), " ms")
    yield _at_most(start.HELP, 200, took.get(start.HELP), " ms")
    pairs = list(zip(found.start.get(start.OURS, []), found.start.get(start.THEIRS, []), strict=False))
    ready = median(mine / other for mine, other in pairs) if pairs else None
    yield _at_most(f"{start.OURS}, of what an empty Celery app's takes", 1.3, ready, " times")


def _growth(found: Found) -> Iterator[Target]:
    for name, costs in found.growth.items():
        if len(costs) < 2:
            continue  # a smoke test
        few, many = min(costs), max(costs)
        yield _at_most(
            f"cost of a mail with {many:,} {name}, of that with {few:,}",
            1.15,
            costs[many] / costs[few],
            " times",
        )


_ROWS = (_drained, _enqueuing, _light, _encrypted, _far, _memory, _start, _growth)
