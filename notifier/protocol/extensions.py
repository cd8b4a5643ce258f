"""What the server said to EHLO or LHLO (RFC 5321 section 4.1.1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from notifier.protocol.reply import Reply
from notifier.protocol.taxonomy import clean

_KEYWORD = re.compile(r"[A-Z0-9][A-Z0-9-]*\Z")  # RFC 5321 section 4.1.1.1
_SIZE = re.compile(r"[0-9]{1,20}\Z")  # RFC 1870 section 3; int() gives up beyond 4300 digits, and raises
_LIMIT = re.compile(r"[1-9][0-9]{0,5}\Z")  # RFC 9422 section 4


@dataclass(frozen=True, slots=True)
class Extensions:
    """The server's name and its keywords (upper case) with their parameters. Shared by all connections that heard the same, so
    that its limits are looked up once: now, for `cached_property` has a lock up to Python 3.11, and one that is held at a fork would
    stop the child for good.

    ``name``: by which the server greets (RFC 5321 section 4.1.1.1). ``size_limit``: octets (RFC 1870); None where the server names no
    limit (no number of 20 digits at most, or 0). ``mail_max`` and ``rcpt_max``: transactions in one session, and recipients in one
    transaction (RFC 9422 sections 4.1 and 4.2); None where the server names no limit.
    """

    greeting: str = ""
    keywords: Mapping[str, str] = field(default_factory=dict)
    name: str | None = field(init=False, repr=False, compare=False)
    size_limit: int | None = field(init=False, repr=False, compare=False)
    mail_max: int | None = field(init=False, repr=False, compare=False)
    rcpt_max: int | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look them up."""
        size = self.keywords.get("SIZE", "")
        object.__setattr__(self, "name", clean(self.greeting.partition(" ")[0]) or None)
        object.__setattr__(self, "size_limit", (int(size) or None) if _SIZE.match(size) else None)
        object.__setattr__(self, "mail_max", self._limit("MAILMAX"))
        object.__setattr__(self, "rcpt_max", self._limit("RCPTMAX"))

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

    @property
    def auth_mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms, upper case, as offered (RFC 4954 section 3)."""
        return tuple(dict.fromkeys(self.keywords.get("AUTH", "").upper().split()))

    def _limit(self, name: str) -> int | None:
        for limit in self.keywords.get("LIMITS", "").upper().split():
            key, _, value = limit.partition("=")
            if key == name and _LIMIT.match(value):
                return int(value)
        return None
