"""What the server said to EHLO or LHLO (RFC 5321 section 4.1.1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from notifier.protocol.reply import Reply
from notifier.protocol.taxonomy import clean

_KEYWORD = re.compile(r"[A-Z0-9][A-Z0-9-]*\Z")  # RFC 5321 section 4.1.1.1
_SIZE = re.compile(r"[0-9]{1,20}\Z")  # RFC 1870 section 3; int() gives up beyond 4300 digits, and raises
_LIMIT = re.compile(r"[1-9][0-9]{0,5}\Z")  # RFC 9422 section 4


@dataclass(frozen=True)
class Extensions:
    """The server's name and its keywords (upper case) with their parameters. Shared by all connections that heard the same, so
    that each of its limits is looked up once.
    """

    greeting: str = ""
    keywords: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    @lru_cache(maxsize=16)  # a relay offers the same at each connection
    def parse(cls, reply: Reply) -> Extensions:
        """Read a 250 reply to EHLO or LHLO; of a doubled keyword the first counts, AUTH lines add up.

        A line that begins with no keyword offers nothing.
        """
        keywords: dict[str, str] = {}
        for line in reply.lines[1:]:
            keyword, _, parameters = line.decode("ascii", "replace").strip().partition(" ")
            keyword = keyword.upper()
            if keyword.startswith("AUTH="):  # what old servers said before RFC 2554
                keyword, parameters = "AUTH", f"{keyword[5:]} {parameters}"
            if keyword == "AUTH":
                keywords["AUTH"] = f"{keywords.get('AUTH', '')} {parameters}".strip()
            elif _KEYWORD.match(keyword):
                keywords.setdefault(keyword, parameters.strip())
        return cls(reply.lines[0].decode("ascii", "replace"), keywords)

    def __contains__(self, keyword: str) -> bool:
        return keyword.upper() in self.keywords

    @cached_property
    def name(self) -> str | None:
        """By which the server greets (RFC 5321 section 4.1.1.1)."""
        return clean(self.greeting.partition(" ")[0]) or None

    @cached_property
    def size_limit(self) -> int | None:
        """Octets (RFC 1870); None where the server names no limit (no number of 20 digits at most, or 0)."""
        value = self.keywords.get("SIZE", "")
        return (int(value) or None) if _SIZE.match(value) else None

    @property
    def auth_mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms, upper case, as offered (RFC 4954 section 3)."""
        return tuple(dict.fromkeys(self.keywords.get("AUTH", "").upper().split()))

    @cached_property
    def mail_max(self) -> int | None:
        """Transactions in one session (RFC 9422 section 4.1); None where the server names no limit."""
        return self._limit("MAILMAX")

    @cached_property
    def rcpt_max(self) -> int | None:
        """Recipients in one transaction (RFC 9422 section 4.2); None where the server names no limit."""
        return self._limit("RCPTMAX")

    def _limit(self, name: str) -> int | None:
        for limit in self.keywords.get("LIMITS", "").upper().split():
            key, _, value = limit.partition("=")
            if key == name and _LIMIT.match(value):
                return int(value)
        return None
