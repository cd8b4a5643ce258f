"""What is served: a worker's own figures, and those of the store, apart from each other.

Every worker has figures of its own; those of the store are the same whichever worker is asked, and adding them up would be
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from notifier.errors import ConfigurationError
from notifier.tasks.standing import standing_figures
from notifier.telemetry.figures import Figures, Series
from notifier.telemetry.metrics import BY_NAME
from notifier.telemetry.page import Page

NEEDED = "metrics need prometheus_client: pip install 'notifier-worker[metrics]'"
Pages = Mapping[str, Page]
Read = Callable[[], dict[Series, list[float]]]


def worker_pages(figures: Figures) -> Callable[[], Pages]:
    """Makes the pages of a worker, in the process that serves them."""
    return lambda: {"/metrics": page(partial(_own, figures)), "/metrics/store": page(standing_figures)}


def store_pages() -> Pages:
    """The pages of `notifier metrics --listen`."""
    return {"/metrics": page(standing_figures)}


def standing_rows() -> list[dict[str, object]]:
    """The store's figures, each with its name, its labels and its value."""
    return [
        {"name": name, "labels": dict(zip(BY_NAME[name].labels, labels, strict=True)), "value": value}
        for (name, labels), (value,) in sorted(standing_figures().items())
    ]


def page(read: Read) -> Page:
    """Figures as a page. Raises `ConfigurationError` where the extra is missing."""
    try:
        from notifier.telemetry.exposition import Bounds, exposed  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        raise ConfigurationError([NEEDED]) from error
    bounds = Bounds()
    return lambda accept: exposed(bounds.cut(read()), accept)


def _own(figures: Figures) -> dict[Series, list[float]]:
    sums, processes = figures.read()
    return {**sums, ("notifier_worker_processes", ()): [float(processes)]}
