"""Settings in their types: Flask's configuration often comes from the environment, where ``False`` is a word of five letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_NUMBER = 1_000_000_000
_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("", "0", "false", "no", "off", "none"), False),
}


def flag(config: Mapping[str, Any], name: str, problems: list[str], *, unset: bool = False) -> bool:
    """Yes or no; a word that is neither is one of the problems."""
    value = config.get(name, unset)
    if not isinstance(value, str):
        return bool(value)
    word = value.strip().lower()
    if word not in _WORDS:
        problems.append(f"{name} is True or False, not {value!r}")
    return _WORDS.get(word, False)


def number(
    config: Mapping[str, Any], name: str, problems: list[str], least: int = 0, most: int = MOST_NUMBER
) -> int | None:
    """A whole number; None where nothing is said, or where it is one of the problems."""
    value = config.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(most)):
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and least <= value <= most):
        return value
    problems.append(f"{name} is a number from {least} to {most}, not {value!r}")
    return None


def debug_level(config: Mapping[str, Any], problems: list[str], *, unset: bool) -> int:
    """`MAIL_DEBUG` is either."""
    value = config.get("MAIL_DEBUG", unset)
    if isinstance(value, bool) or not str(value).isdigit():
        return int(flag(config, "MAIL_DEBUG", problems, unset=unset))
    return number(config, "MAIL_DEBUG", problems) or 0
