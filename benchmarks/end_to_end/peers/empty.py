"""A task that does nothing: what Celery itself costs."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.end_to_end.peers.environment import celery_app

app = celery_app("empty")


@app.task
def nothing() -> None:
    """Nothing."""


def enqueue(numbers: Iterable[int]) -> None:
    """As many as there are numbers."""
    for _ in numbers:
        nothing.delay()
