"""A worker with failpoints at every state edge: ``celery -A programs.failing worker``, run by `nemesis`."""

from __future__ import annotations

from nemesis.seams import install, way_for_each_domain

from worker import app

__all__ = ["app"]

install()
way_for_each_domain()
