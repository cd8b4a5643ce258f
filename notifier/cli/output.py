"""The output takes every text: a terminal or a pipe that is not UTF-8 gets an escape for what it cannot show."""

from __future__ import annotations

import codecs
import io
import json
import sys

ESCAPED = "notifier.escaped"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """As in JSON, which is then read as it was meant: Python's own escapes are none of JSON's."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def take_every_text() -> None:
    """From now on, on standard output and standard error."""
    codecs.register_error(ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPED)
