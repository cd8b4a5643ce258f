"""The first page: how everything stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from notifier.console.html import Child, Markup, join, tag
from notifier.console.operator_page.layout import (
    Viewer,
    ago,
    alert,
    badge,
    button,
    card,
    counted,
    empty,
    lines,
    listed,
    moment,
    page,
    quiet,
    span,
    table,
    token_field,
)
from notifier.console.operator_page.plots import Plot, Series, number
from notifier.console.operator_page.pulse import Minute
from notifier.model.breaker import Opened
from notifier.model.pause import Pause
from notifier.model.state import DEAD, MailState
from notifier.model.worker import WorkerRecord, WorkerState
from notifier.store.base import EpochChange
from notifier.tasks.figures import Day, Latency
from notifier.tasks.overview import Overview, QueueStands
from notifier.tasks.relay_overview import RateStands, RelayStands

EVERY = 10  # seconds, where the reader wants the page again and again
IN_WORK = (MailState.CLAIMED, MailState.AT_DOT)
PRESENT = (MailState.WAITING, *IN_WORK, MailState.UNKNOWN, MailState.PARKED)
QUEUES = 100  # that are shown


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the page shows."""

    overview: Overview
    relays: Sequence[RelayStands]
    directly: bool
    rates: Sequence[RateStands]
    days: Sequence[Day]
    latencies: Sequence[Latency]
    minutes: Sequence[Minute]


def overview_page(viewer: Viewer, found: Standing, *, again: bool) -> str:
    """The page; ``again``: it loads itself every `EVERY` seconds."""
    other = (
        tag("a", "Stop loading again", href="/") if again else tag("a", f"Load again every {EVERY} s", href="/?again=1")
    )
    return page(
        viewer,
        "/",
        "Overview",
        quiet("As of ", moment(datetime.now(UTC).timestamp()), " · ", other),
        *(_alarm(change) for change in found.overview.changes),
        _paused(viewer, found.overview),
        card("Queues", _queues(found.overview)),
        card("Workers", _workers(found.overview.workers, found.relays)),
        card("Relays", _relays(viewer, found)),
        card("Rates", _rates(found.rates)) if found.rates else None,
        card("Throughput", _throughput(found)),
        card("Latency", _latency(found.latencies)),
        card("Another browser", _another(viewer)),
        every=EVERY if again else 0,
    )


def _another(viewer: Viewer) -> Markup:
    note = quiet("For another browser that reaches this address.")
    return tag(
        "form", token_field(viewer), button("Make a link for it", quiet=True), note, method="post", action="/link"
    )


def _alarm(change: EpochChange) -> Markup:
    what = f"The store was {change.why}"
    words = (
        "Mails that may go only once, and may have gone since, are parked."
        if change.why == "restored"
        else "What waited in the old data is not here: enqueue again what was surely not sent."
    )
    marks = f"epoch {change.was[:8]} became {change.mark[:8]}"
    return alert(what, tag("p", "Seen ", moment(change.at), f", {marks}. {words}"))


def _paused(viewer: Viewer, overview: Overview) -> Markup | None:
    if not overview.pauses:
        return None
    rows = (f"{what}: {viewer.veil.words(why)}" for what, why in sorted(overview.pauses.items()))
    return card("Paused", listed(rows), tag("p", tag("a", "Let something go on", href="/pauses")))


def _queues(overview: Overview) -> Markup:
    if not overview.queues:
        return empty("No queue has had a mail yet.")
    heads = ("queue", "waiting", "oldest due", "in work", "slots", "unknown", "parked", "dead", "sent")
    busiest = sorted(overview.queues, key=_going_on, reverse=True)[:QUEUES]
    shown = sorted(busiest, key=lambda one: one.queue)
    left_out = len(overview.queues) - len(shown)
    more = quiet(f"And {counted(left_out, 'queue')} in which less goes on.") if left_out else None
    return join(table("Queues", heads, (_queue(one, overview) for one in shown)), more)


def _going_on(one: QueueStands) -> int:
    """How many mails of the queue have not ended as somebody wanted."""
    return sum(count for state, count in one.counts.items() if state in (*PRESENT, *DEAD))


def _queue(one: QueueStands, overview: Overview) -> Iterator[Child]:
    counts = one.counts
    name = (
        join(one.queue, " ", badge("paused", "warning")) if Pause("queue", one.queue) in overview.pauses else one.queue
    )
    yield name
    yield number(counts[MailState.WAITING])
    yield ago(one.first_due_at) if one.first_due_at is not None else "–"
    yield number(sum(counts[state] for state in IN_WORK))
    yield number(one.slots) if one.slots else badge("no worker", "warning")
    for state in (MailState.UNKNOWN, MailState.PARKED):
        yield _linked(counts[state], "/unknown", queue=one.queue, state=state)
    yield _linked(sum(counts[state] for state in DEAD), "/dead", queue=one.queue)
    yield number(counts[MailState.SENT])


def _linked(count: int, path: str, **asked: str) -> Child:
    return tag("a", number(count), href=f"{path}?{urlencode(asked)}") if count else "0"


def _workers(workers: Sequence[WorkerRecord], relays: Sequence[RelayStands]) -> Markup:
    if not workers:
        return empty("No worker has given a sign of life: celery -A worker worker starts one.")
    versions = sorted({one.version for one in workers})
    note = (
        quiet(f"{len(versions)} versions run beside one another: {', '.join(versions)}.") if len(versions) > 1 else None
    )
    heads = ("worker", "state", "version", "slots", "sessions", "queues", "runs since", "last seen")
    return join(table("Workers", heads, (_worker(one, relays) for one in workers)), note)


def _worker(one: WorkerRecord, relays: Sequence[RelayStands]) -> Iterator[Child]:
    yield lines(one.name, f"{one.host} {one.pid}")
    yield badge(one.state.value, "good" if one.state is WorkerState.RUNNING else "warning")
    yield one.version
    yield f"{one.busy} of {one.concurrency} busy, {one.pool_kind}"
    held = ((relay.name, relay.connections.holders.get(one.place, 0)) for relay in relays)
    yield lines(*(f"{count} to {name}" for name, count in held if count)) or "–"
    yield ", ".join(one.queues)
    yield moment(one.started_at)
    yield ago(one.seen_at)


def _relays(viewer: Viewer, found: Standing) -> Markup:
    directly = (
        quiet("Some mails go to the recipients' own servers (mx://), of which there is no list.")
        if found.directly
        else None
    )
    heads = ("relay", "accounts", "state", "connections", "a worker's pool")
    shown = table("Relays", heads, (_relay(viewer, one) for one in found.relays)) if found.relays else None
    return join(shown, directly)


def _relay(viewer: Viewer, one: RelayStands) -> Iterator[Child]:
    yield lines(one.name, f"TLS {one.tls}")
    yield ", ".join(one.accounts)
    yield _relay_state(viewer, one)
    yield _connections(one)
    pool = one.pool
    yield f"{pool.size} at once, {pool.messages_per_connection} mails each, {span(pool.max_idle)} idle"


def _relay_state(viewer: Viewer, one: RelayStands) -> Markup:
    paused = join(badge("paused", "warning"), f" {viewer.veil.words(one.paused)}") if one.paused is not None else None
    opened = (_opened(viewer, breaker) for breaker in one.opened)
    return lines(paused, *opened) if paused or one.opened else badge("takes mails", "good")


def _opened(viewer: Viewer, breaker: Opened) -> Markup:
    wait = f"{span(breaker.wait)} yet" if breaker.wait else "one is tried now"
    return join(badge("breaker open", "error"), viewer.veil.words(f" {breaker.about}, {wait}: {breaker.why}"))


def _connections(one: RelayStands) -> str:
    limits = [limit for limit in (one.pool.connections, one.connections.allowed) if limit is not None]
    learned = " (fewer, since it complained)" if one.connections.allowed is not None else ""
    return f"{one.connections.live} of {min(limits)}{learned}" if limits else f"{one.connections.live}, no limit"


def _rates(rates: Sequence[RateStands]) -> Markup:
    rows = ((one.name, f"{one.per_second:g} a second", _share(one.share)) for one in rates)
    return table("Rates", ("of", "allowed", "now"), rows)


def _share(share: float) -> Markup:
    return badge("whole", "good") if share >= 1 else badge(f"{share:.0%}, after complaints", "warning")


def _throughput(found: Standing) -> Markup:
    days = [f"{day:%m-%d}" for day, _ in found.days]
    series = [
        Series(name, tone, [counts[name] for _, counts in found.days])
        for name, tone in (("sent", "good"), ("deferred", "warning"), ("failed", "error"))
    ]
    by_day = Plot("Recipients by day (UTC)", days, series).bars()
    return tag("div", by_day, _by_minute(found.minutes), class_="plots")


def _by_minute(minutes: Sequence[Minute]) -> Markup:
    if not minutes:
        return quiet("Minutes are counted while the console runs: load the page again in a while.")
    labels = [f"{datetime.fromtimestamp(one.at, UTC):%H:%M}" for one in minutes]
    sent = Series("sent", "good", [one.sent for one in minutes])
    present = Series("waiting and in work at its end", "accent", [one.present for one in minutes])
    return Plot("Mails by minute, since the console runs", labels, [sent, present]).lines()


def _latency(found: Sequence[Latency]) -> Markup:
    if not found:
        return empty("No mail was sent in the last day.")
    labels = [f"{one.hour:%H:00}" for one in found]
    middle = Series("half of them", "accent", [one.median for one in found])
    slow = Series("19 of 20", "warning", [one.slow for one in found])
    seen = sum(one.mails for one in found)
    return join(
        Plot("From enqueue to the relay's word, by hour (UTC)", labels, [middle, slow], " s").lines(),
        quiet(
            f"Of {number(seen)} mails; where there were more, of a draw. Mails that were to wait for their time wait in here too."
        ),
    )
