"""The table of the metrics, a row each. The reference in docs/ is written from it, and nothing that is not here is exposed.

Names follow Prometheus' conventions: base units, ``_total`` for what only grows. Labels have few values by their nature, or
are bounded: a value that comes when there are `MOST_VALUES` of them already is counted under `OTHER`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MOST_VALUES = 100  # of a label
OTHER = "other"


class Kind(StrEnum):
    """Prometheus' words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """Who knows it."""

    WORKER = "worker"  # the processes of one worker: every worker has to be asked, and the figures added
    STORE = "store"  # the ledger: one answer for the whole fleet


@dataclass(frozen=True, slots=True)
class Metric:
    """``buckets``: upper bounds of a histogram, without the last one, which has none. ``bounded``: labels that are cut off
    at `MOST_VALUES`; what is cut off is added up, or stands by its ``largest``.
    """

    name: str
    kind: Kind
    source: Source
    labels: tuple[str, ...]
    doc: str
    buckets: tuple[float, ...] = ()
    bounded: tuple[str, ...] = ()
    largest: bool = False

    @property
    def values(self) -> int:
        """How many numbers a series has: a histogram's are a count for each bucket, and the sum."""
        return len(self.buckets) + 2 if self.kind is Kind.HISTOGRAM else 1

    @property
    def exposed(self) -> tuple[str, ...]:
        """The names that a query may use."""
        if self.kind is Kind.HISTOGRAM:
            return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# The wait for a final reply may last for 600 s (RFC 5321 section 4.5.3.2.6).
PATIENT = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)
# A retry ladder lasts for days.
DAYS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 14400.0, 86400.0, 345600.0)

C, G, H = Kind
W, S = Source

METRICS: tuple[Metric, ...] = (
    # A worker's: mails.
    Metric(
        "notifier_settled_total",
        C,
        W,
        ("queue", "template", "state"),
        "Attempts by the state that they left the mail in. `template` is `(message)` for messages of the application's own, "
        "and `other` where it is not known or there are too many.",
        bounded=("queue", "template"),
    ),
    Metric(
        "notifier_retries_total",
        C,
        W,
        ("queue", "reason"),
        "Mails that wait for another attempt, by the row of the taxonomy (docs/reference/errors.md) or the error's class; "
        "`LIM` is a limit, `PAU` a pause, `handed_back` a mail that was claimed and not begun.",
        bounded=("queue", "reason"),
    ),
    Metric(
        "notifier_failures_total",
        C,
        W,
        ("queue", "reason"),
        "Mails that became dead letters by an attempt, by the same reasons.",
        bounded=("queue", "reason"),
    ),
    Metric(
        "notifier_limited_total",
        C,
        W,
        ("queue", "limit"),
        "Mails put off by a limit: `tenant`, `domain` or `relay`. One that is over two of them counts for both.",
        bounded=("queue",),
    ),
    Metric(
        "notifier_delivery_seconds",
        H,
        W,
        ("queue",),
        "From the enqueue to the relay's 250, waits and retries included.",
        DAYS,
        bounded=("queue",),
    ),
    Metric(
        "notifier_step_seconds",
        H,
        W,
        ("step",),
        "What the steps of an attempt took: `render`, `compose`, `checkout` (of a session), `transaction`.",
        QUICK,
    ),
    Metric(
        "notifier_dot_wait_seconds",
        H,
        W,
        ("relay",),
        "From the moment before the final dot to the final reply: the window in which a crash makes a mail unknown.",
        PATIENT,
        bounded=("relay",),
    ),
    Metric(
        "notifier_batches_total",
        C,
        W,
        ("queue",),
        "What workers claimed at once and are done with.",
        bounded=("queue",),
    ),
    Metric("notifier_batch_seconds", H, W, ("queue",), "How long a batch took.", QUICK, bounded=("queue",)),
    # A worker's: relays.
    Metric(
        "notifier_sessions",
        G,
        W,
        ("relay", "use"),
        "Sessions that are open, `in_use` or `idle`.",
        bounded=("relay",),
    ),
    Metric("notifier_sessions_opened_total", C, W, ("relay",), "Sessions opened.", bounded=("relay",)),
    Metric(
        "notifier_sessions_not_opened_total",
        C,
        W,
        ("relay",),
        "Sessions that could not be opened.",
        bounded=("relay",),
    ),
    Metric("notifier_sessions_reused_total", C, W, ("relay",), "Checkouts of a parked session.", bounded=("relay",)),
    Metric(
        "notifier_sessions_retired_total",
        C,
        W,
        ("relay", "reason"),
        "Sessions closed: `idle`, `age`, `uses`, `peer_closed`, `said_421`, `doubt`, `drained`, `closed`, `fork`.",
        bounded=("relay",),
    ),
    Metric(
        "notifier_session_open_seconds",
        H,
        W,
        ("relay",),
        "From the first packet to a session that is ready for mail, or to the failure.",
        QUICK,
        bounded=("relay",),
    ),
    Metric(
        "notifier_session_wait_seconds",
        H,
        W,
        ("relay",),
        "How long was waited for a place in the pool, or for a turn to connect, where there was none at once.",
        QUICK,
        bounded=("relay",),
    ),
    Metric(
        "notifier_session_waits_missed_total",
        C,
        W,
        ("relay", "why"),
        "No `place` in the pool until the time was over, or no `turn` to connect among all workers.",
        bounded=("relay",),
    ),
    Metric(
        "notifier_breaker_opened_total",
        C,
        W,
        ("relay", "about"),
        "Times that mails began to wait for a relay: `host`, or `account` (a refused login).",
        bounded=("relay",),
    ),
    Metric(
        "notifier_breaker_closed_total", C, W, ("relay",), "Times that a relay took mails again.", bounded=("relay",)
    ),
    Metric(
        "notifier_relay_complaints_total",
        C,
        W,
        ("relay",),
        "Times that a relay said that it gets too much.",
        bounded=("relay",),
    ),
    # A worker's: upkeep.
    Metric("notifier_sweeps_total", C, W, ("queue",), "Sweeps.", bounded=("queue",)),
    Metric(
        "notifier_rung_again_total",
        C,
        W,
        ("queue", "from_state"),
        "What sweeps repaired: bells rung again for mails that were due (`waiting`), mails taken over because their lease was over "
        "(`claimed`), or because no final reply was stored in time (`at_dot`).",
        bounded=("queue",),
    ),
    Metric(
        "notifier_ledger_changes_total",
        C,
        W,
        ("why",),
        "Times that the store held other data than before: `wiped or exchanged`, `restored`. Each worker counts what it saw.",
    ),
    Metric(
        "notifier_parked_after_restore_total",
        C,
        W,
        (),
        "Mails that may go only once and were parked, for the store was restored.",
    ),
    Metric("notifier_worker_processes", G, W, (), "Processes of the worker that count, its main process among them."),
    # The store's.
    Metric(
        "notifier_store_up", G, S, (), "1 where the store answered; else all the others of the store's are missing."
    ),
    Metric(
        "notifier_mails",
        G,
        S,
        ("queue", "state"),
        "Mails by state, those that are kept in an index: all but `sent` and `discarded`. `failed`, `expired` and `quarantined` are the "
        "dead letters, `claimed` and `at_dot` are in flight.",
        bounded=("queue",),
    ),
    Metric(
        "notifier_due_mails",
        G,
        S,
        ("queue",),
        "Mails that wait and are due. With those in flight it is what an autoscaler wants.",
        bounded=("queue",),
    ),
    Metric(
        "notifier_oldest_due_age_seconds",
        G,
        S,
        ("queue",),
        "For how long the first of the due mails has been due; 0 where none is.",
        bounded=("queue",),
        largest=True,
    ),
    Metric(
        "notifier_oldest_mail_age_seconds",
        G,
        S,
        ("queue", "state"),
        "The time since the enqueue of the mail that stands first in its state (by when it is due, or since when it is there); 0 where "
        "there is none.",
        bounded=("queue",),
        largest=True,
    ),
    Metric(
        "notifier_live_slots",
        G,
        S,
        ("queue",),
        "Slots of the workers that consume the queue and live.",
        bounded=("queue",),
    ),
    Metric(
        "notifier_edges_total",
        C,
        S,
        ("queue", "from_state", "to_state"),
        "Every edge of the ledger, counted where it is taken; `from_state` is `new` for a mail that was enqueued.",
        bounded=("queue",),
    ),
    Metric(
        "notifier_unknown_total",
        C,
        S,
        ("queue", "cause"),
        "Mails whose final reply nobody has read, by the row of the taxonomy; `Z8` is a worker that ended.",
        bounded=("queue", "cause"),
    ),
    Metric(
        "notifier_unknown_resolved_total",
        C,
        S,
        ("queue", "how"),
        "What became of them: `resent`, `parked`, `proof`, `late_reply` (from a worker's journal), `person`. One that was parked, and that a "
        "person then decided on, counts for both.",
        bounded=("queue",),
    ),
    Metric(
        "notifier_duplicates_suppressed_total",
        C,
        S,
        ("queue",),
        "Mails that were enqueued again under their idempotency key, and not sent again.",
        bounded=("queue",),
    ),
    Metric(
        "notifier_fence_rejected_total",
        C,
        S,
        ("queue", "step"),
        "Claims that had been lost to another worker, found at the `dot` (nothing was sent) or at the `settlement`.",
        bounded=("queue",),
    ),
    Metric(
        "notifier_hook_events_waiting",
        G,
        S,
        ("queue", "hook"),
        "Events that a hook is still to be told.",
        bounded=("queue",),
    ),
    Metric("notifier_paused", G, S, ("kind", "name"), "1 for each pause in force.", bounded=("name",), largest=True),
    Metric(
        "notifier_breaker_open",
        G,
        S,
        ("relay", "about"),
        "1 while mails wait for a relay of the settings, else 0; not those of mx://.",
        bounded=("relay",),
        largest=True,
    ),
    Metric("notifier_suppressed_addresses", G, S, (), "Entries of the suppression list."),
    Metric(
        "notifier_store_changed_timestamp_seconds",
        G,
        S,
        (),
        "When a worker saw last that the store holds other data than before; 0: never.",
    ),
)

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
