"""Who hears the events of a process: the trace, where there is one, the figures of a worker that serves metrics, and the log."""

from __future__ import annotations

import logging

from notifier.model.events import Event
from notifier.telemetry import tracing
from notifier.telemetry.counting import Counting
from notifier.telemetry.figures import Figures
from notifier.telemetry.logs import log_event

log = logging.getLogger(__name__)

_of_sessions = logging.getLogger("notifier")  # where their lines go

_counting: Counting | None = None


def count_from_now_on(figures: Figures) -> None:
    """In this process, and in those that it forks."""
    global _counting  # noqa: PLW0603 - one of a process
    _counting = Counting(figures)


class _Teller:
    def __call__(self, event: Event, /) -> None:
        try:
            tracing.trace(event)
            if _counting is not None:
                _counting(event)
        except Exception as error:  # noqa: BLE001 - an exporter's, or a full memory file's
            log.warning("%s was not counted or traced: %s", type(event).__name__, error)
        log_event(event)

    def hears_turns(self) -> bool:
        """There are two events for each checkout: figures and a log at debug level have them, and no trace."""
        return _counting is not None or _of_sessions.isEnabledFor(logging.DEBUG)


tell = _Teller()
"""The listener of every runtime. What one of its parts raises is said, and is in nobody's way."""
