"""How much a test does: all of it in `make test`, a share of it where a profile looks at fewer examples (`make check`)."""

from __future__ import annotations

from hypothesis import settings

FULL = 100  # examples of a property in the profile that `make test` runs


def driven(examples: int, *, steps: int) -> settings:
    """``examples`` runs of a machine; profiles that look at fewer or more examples of a property do so here too."""
    share = settings.default.max_examples / FULL
    return settings(max_examples=max(1, round(examples * share)), stateful_step_count=steps, deadline=None)


def quick(value: int, instead: int) -> int:
    """``value``, and ``instead`` where the profile looks at fewer examples than all."""
    return instead if settings.default.max_examples < FULL else value
