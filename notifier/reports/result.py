"""`ReportResult`: what a report function returns where a context alone is not enough."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.model.content import content_id_of


@dataclass(frozen=True, slots=True)
class ReportFile:
    """An attachment."""

    filename: str
    content_type: str
    data: bytes = field(repr=False)
    inline: bool = False

    @property
    def url(self) -> str:
        """How the html part of the mail shows it, where it is ``inline``: ``<img src="{{ chart }}">``."""
        return f"cid:{content_id_of(hashlib.sha256(self.data).hexdigest())}"

    def attachment(self) -> dict[str, Any]:
        """As `send_email` takes it."""
        return {"filename": self.filename, "content_type": self.content_type, "data": self.data, "inline": self.inline}


@dataclass(frozen=True, slots=True)
class ReportResult:
    """The mail's context, and files that go along: `ReportFile`, or whatever `send_email` takes in ``attachments``."""

    context: Mapping[str, Any] = field(repr=False)
    attachments: Sequence[object] = ()
