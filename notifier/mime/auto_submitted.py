"""Auto-Submitted (RFC 3834): no person has written the mail, and no vacation notice is to answer it."""

from __future__ import annotations

from collections.abc import Mapping

from notifier.errors import InvalidHeader

AUTOMATIC = ("auto-generated", "auto-replied", "auto-notified")  # the last one: RFC 5436


def check_auto_submitted(headers: Mapping[str, str]) -> None:
    """Raises `InvalidHeader` for an application's own value that says a person wrote it ("no"), or nothing that is known."""
    for name, value in headers.items():
        if name.lower() == "auto-submitted" and value.partition(";")[0].strip().lower() not in AUTOMATIC:
            raise InvalidHeader(
                f"the header 'Auto-Submitted' is one of {', '.join(AUTOMATIC)}, for no person writes these mails; "
                f"not {value[:80]!r}"
            )
