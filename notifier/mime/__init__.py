"""From content to octets: our own composer (RFC 5322, 2045 to 2047, 2231, 6532). Pure: date and id are arguments."""

from notifier.mime.calendar import invitation_file, read_calendar
from notifier.mime.compiled import Compositor
from notifier.mime.compose import compose
from notifier.mime.composition import Composition
from notifier.mime.files import check_content_type, guess_content_type, safe_filename
from notifier.mime.headers import check_headers

__all__ = [
    "Composition",
    "Compositor",
    "check_content_type",
    "check_headers",
    "compose",
    "guess_content_type",
    "invitation_file",
    "read_calendar",
    "safe_filename",
]
