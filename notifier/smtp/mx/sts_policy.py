"""An MTA-STS policy as it is written (RFC 8461 section 3.2), and whether a host is in it (section 4.1). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 31_557_600  # seconds of max_age; a year
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z")
_VALUE = re.compile(r"[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?\Z")
_MAX_AGE = re.compile(r"[0-9]{1,10}\Z")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PATTERN = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\Z")


class Mode(StrEnum):
    """What the domain wants done with hosts that are not in the policy."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """``max_age``: seconds; ``patterns``: lower case, perhaps with ``*`` as a whole first label."""

    mode: Mode
    max_age: int
    patterns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, octets: bytes) -> Policy:
        """Read the policy's text. Raises `ValueError` for whatever the grammar does not have: half of a policy is none."""
        fields = list(_fields(octets))
        first = dict(reversed(fields))  # of what is there twice the first counts
        if first.get("version") != "STSv1":
            raise ValueError("its version is not STSv1")
        if first.get("mode") not in set(Mode):
            raise ValueError("its mode is none of enforce, testing and none")
        if not _MAX_AGE.match(first.get("max_age", "")):
            raise ValueError("its max_age is no number of seconds")
        patterns = tuple(value.lower() for name, value in fields if name == "mx")
        if wrong := next((pattern for pattern in patterns if not _PATTERN.match(pattern)), None):
            raise ValueError(f"its mx {wrong!r} is no host")
        mode = Mode(first["mode"])
        if mode is not Mode.NONE and not patterns:
            raise ValueError("it names no mx")
        return cls(mode, min(int(first["max_age"]), LONGEST), patterns)

    def includes(self, host: str) -> bool:
        """True where mail may go to this MX host (A-labels); ``*`` stands for exactly one label."""
        host = host.lower()
        anything = f"*.{host.partition('.')[2]}"
        return host in self.patterns or (anything != "*." and anything in self.patterns)


def _fields(octets: bytes) -> Iterator[tuple[str, str]]:
    for line in _lines(octets):
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not (colon and _NAME.match(name) and _VALUE.match(value)):
            raise ValueError("one of its lines is no field")
        yield name, value


def _lines(octets: bytes) -> Iterator[str]:
    """Divided by LF or CRLF; blank lines at the end are none."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8") from None
    for line in text.rstrip("\r\n").split("\n"):
        yield line.removesuffix("\r")
