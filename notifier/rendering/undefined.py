"""The words of an undefined variable. ``{{ prices[code] }}`` looks up what the context says, and Jinja2's message shows it."""

from __future__ import annotations

import re
from pathlib import Path
from traceback import walk_tb

from jinja2 import UndefinedError

_LOOKED_UP = re.compile(r"(.* has no (?:attribute|element)) (?:'(.*)'|\"(.*)\"|(.*))", re.DOTALL)


def told(error: UndefinedError) -> str:
    """Jinja2's words; without the name of an attribute or an element where the template's file does not hold it."""
    message = error.message or "something is undefined"
    found = _LOOKED_UP.fullmatch(message)
    if found is None:
        return message
    name = next(group for group in found.groups()[1:] if group is not None)
    return message if name in _source(error) else f"{found[1]} that it looks up"


def _source(error: UndefinedError) -> str:
    files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
    last = next((file for file in reversed(files) if file.endswith(".j2")), None)
    try:
        return Path(last).read_text(encoding="utf-8") if last is not None else ""
    except (OSError, ValueError):
        return ""
