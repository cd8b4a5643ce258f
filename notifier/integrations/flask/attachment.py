"""`Attachment`: a file of a message."""

from __future__ import annotations

from notifier.mime import guess_content_type

UNKNOWN = "application/octet-stream"


class Attachment:
    """``data`` is octets, or text (which goes as UTF-8); without a ``content_type`` the filename's ending says it.

    Raises `ValueError` without data.
    """

    def __init__(
        self,
        filename: str | None = None,
        content_type: str | None = None,
        data: str | bytes | None = None,
        disposition: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        if data is None:
            raise ValueError("an attachment needs its data")
        self.filename = filename
        self.content_type = content_type or _guessed(filename, data)
        self.data = data
        self.disposition = disposition or "attachment"
        self.headers: dict[str, str] = headers or {}

    def __repr__(self) -> str:
        return f"<Attachment {self.filename!r} {self.content_type}>"


def _guessed(filename: str | None, data: str | bytes) -> str:
    found = guess_content_type(filename) if isinstance(filename, str) and filename else UNKNOWN
    return "text/plain" if found == UNKNOWN and isinstance(data, str) else found
