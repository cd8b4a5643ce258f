"""A worker whose children trace, each with a provider of its own, as OpenTelemetry wants it with prefork."""

from __future__ import annotations

from celery.signals import worker_process_init
from spans_to_file import provide

from worker import app

__all__ = ["app"]


@worker_process_init.connect
def begin(**_: object) -> None:
    provide()
