"""How the ledger stands, as figures for metrics: asked at each scrape, once for the whole fleet."""

from __future__ import annotations

from collections.abc import Iterator

from notifier.errors import ErrorClass, StoreError
from notifier.model.state import EDGES
from notifier.protocol.taxonomy import ROWS
from notifier.store.standing import Standing
from notifier.tasks.overview import opened_breakers, relays_in_settings
from notifier.tasks.runtime import Runtime, runtime
from notifier.telemetry.figures import Series

Figure = tuple[Series, list[float]]


def standing_figures() -> dict[Series, list[float]]:
    """Every metric of the store; only that it is away, where it is."""
    try:
        found = dict(_figures(runtime()))
    except StoreError:
        return dict([_figure("notifier_store_up", 0)])
    return found


def _figures(mine: Runtime) -> Iterator[Figure]:
    store = mine.store
    for one in store.standing.of(store.queues()):
        yield from _of_queue(one)
        yield from _counted(one)
    for pause in store.pauses():
        yield _figure("notifier_paused", 1, pause.kind, pause.name)
    open_now = {(name, one.about) for name, one in opened_breakers(mine)}
    for endpoint in relays_in_settings(mine):
        for about in ("host", "account") if endpoint.credentials is not None else ("host",):
            yield _figure("notifier_breaker_open", (endpoint.name, about) in open_now, endpoint.name, about)
    yield _figure("notifier_suppressed_addresses", store.standing.suppressed())
    yield _figure("notifier_store_changed_timestamp_seconds", max((one.at for one in store.epoch_changes()), default=0))
    yield _figure("notifier_store_up", 1)


def _of_queue(one: Standing) -> Iterator[Figure]:
    for state, number in one.mails.items():
        yield _figure("notifier_mails", number, one.queue, state.value)
    for state, age in one.ages.items():
        yield _figure("notifier_oldest_mail_age_seconds", age, one.queue, state.value)
    for kind, events in one.hook_events.items():
        yield _figure("notifier_hook_events_waiting", events, one.queue, kind.value)
    yield _figure("notifier_due_mails", one.due, one.queue)
    yield _figure("notifier_oldest_due_age_seconds", one.oldest_due, one.queue)
    yield _figure("notifier_live_slots", one.slots, one.queue)
    yield _figure("notifier_duplicates_suppressed_total", one.counted.get("duplicate", 0), one.queue)


_COUNTED = {
    "edge": "notifier_edges_total",
    "unknown": "notifier_unknown_total",
    "resolved": "notifier_unknown_resolved_total",
    "fence": "notifier_fence_rejected_total",
}


# What has not happened yet is 0 and not missing: Prometheus sees no increase in a series that begins with 1.
_NOT_YET = dict.fromkeys(
    (
        "edge new waiting",
        *(f"edge {start} {end}" for start, ends in EDGES.items() for end in ends),
        *(f"unknown {row}" for row, (error_class, _) in ROWS.items() if error_class is ErrorClass.UNKNOWN),
        "unknown Z8",
        *(f"resolved {how}" for how in ("resent", "parked", "proof", "late_reply", "person")),
        "fence dot",
        "fence settlement",
    ),
    0,
)


def _counted(one: Standing) -> Iterator[Figure]:
    for what, number in (_NOT_YET | dict(one.counted)).items():
        kind, *labels = what.split(" ")
        if kind in _COUNTED:
            yield _figure(_COUNTED[kind], number, one.queue, *labels)


def _figure(name: str, number: float, *labels: str) -> Figure:
    return (name, labels), [float(number)]
