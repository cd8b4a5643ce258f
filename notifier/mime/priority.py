"""Header fields that say how urgent a mail is. Each reader looks at another one, so they are given together."""

from __future__ import annotations

from notifier.errors import InvalidHeader

# X-Priority is Outlook's and Thunderbird's; Importance and Priority are those of RFC 2156.
_LEVELS = {
    "high": ("1 (Highest)", "high", "urgent"),
    "normal": ("3 (Normal)", "normal", "normal"),
    "low": ("5 (Lowest)", "low", "non-urgent"),
}


def priority_headers(level: str) -> dict[str, str]:
    """The fields of ``"high"``, ``"normal"`` or ``"low"``, for ``headers=`` of a call. Raises `InvalidHeader`."""
    if level not in _LEVELS:
        raise InvalidHeader(f"a priority is one of {', '.join(_LEVELS)}, not {level!r}")
    return dict(zip(("X-Priority", "Importance", "Priority"), _LEVELS[level], strict=True))
