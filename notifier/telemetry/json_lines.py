"""A log as JSON, an object a line: what every line has, and the fields of our own events."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from notifier.telemetry import tracing

FIELDS = "notifier_fields"  # the attribute of a record that has them


class JsonLines(logging.Formatter):
    """``time`` (ISO 8601, UTC), ``level``, ``logger``, ``process``, ``pid``, ``message``; ``exception`` where there is one, the ids
    of the trace where there is one, and the fields of an event.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.processName,
            "pid": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        fields = getattr(record, FIELDS, {})
        line |= {name: value for name, value in fields.items() if value is not None}
        if "trace_id" not in line:
            line |= tracing.ids("")
        text = json.dumps(line, ensure_ascii=False, default=str)
        return text.encode("utf-8", "backslashreplace").decode()  # half a surrogate, as JSON escapes it
