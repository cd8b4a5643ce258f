"""Why a mail came back, as a status of RFC 3463, and what that says of the address."""

from __future__ import annotations

import re
from enum import StrEnum

_CODE = re.compile(r"(?<![\d.])([245])\.([0-7])\.(\d{1,3})(?![\d.]*\d)")
_BASIC = re.compile(r"(?<![\d.])([45])\d\d(?![\d.])")
# Where a server gives no code of its own kind, what servers of that age write. The first that is there decides: a filter that
# blocks likes to quote the address as well.
_WORDS = (
    (
        "7.1",
        re.compile(
            r"spam|blacklist|block list|blocklist|blocked|reputation|dmarc|policy|not permitted|virus", re.IGNORECASE
        ),
    ),
    (
        "2.2",
        re.compile(
            r"quota|mailbox (?:is )?full|mailfolder is full|insufficient (?:disk|storage)|too much mail", re.IGNORECASE
        ),
    ),
    (
        "1.1",
        re.compile(
            r"user (?:is )?unknown|unknown (?:user|recipient|mailbox|address|local[- ]part)|no such (?:user|mailbox|recipient|"
            r"account|person)|no mailbox (?:here )?by that name|(?:user|account|mailbox|recipient|address)\S{0,80} "
            r"(?:does not|doesn't|do not) exist|(?:user|recipient|mailbox) not found|invalid (?:recipient|mailbox|user)|not listed in",
            re.IGNORECASE,
        ),
    ),
    ("4.7", re.compile(r"timed out|retry timeout|could not be delivered for|expired", re.IGNORECASE)),
)
MOST_WORDS = 500  # characters of a server's words that are kept
_LOOKED_AT = 2000  # characters of a server's words
# RFC 3463 section 3.2 and RFC 7505, as in `notifier.delivery.addresses`: it is the address that is wrong.
_OF_THE_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
# The sender's address, the size, the content (x.6.x), a filter (x.7.x). Not x.5.x: with 5.5.0 large providers say that there is nobody.
_OF_THE_MAIL = re.compile(r"\d\.(?:1\.[78]|2\.3|3\.4|[67]\.\d+)\Z")


class Cause(StrEnum):
    """What a bounce says of the address."""

    HARD = "hard"  # there is nobody: it is not mailed again
    SOFT = "soft"  # it may pass: too many of them are as good as a hard one
    POLICY = "policy"  # it is about our mail or our server: the address is sound


def status_of(field: str, words: str) -> str:
    """The status that says most: of the field, of the words behind it, or of what those mean. Empty: nobody says."""
    words = words[:_LOOKED_AT]
    said = [*_codes(field[:80]), *(one for one in _codes(words) if not one.startswith("2"))]
    telling = next((one for one in said if not one.endswith(".0.0")), "")
    if telling:
        return telling
    meant = next((suffix for suffix, pattern in _WORDS if pattern.search(words)), "")
    basic = _BASIC.search(f"{field[:80]} {words}")
    first = said[0][0] if said else (basic[1] if basic else "")
    if meant:
        return f"{first or '5'}.{meant}"
    return f"{first}.0.0" if first else ""


def _codes(text: str) -> list[str]:
    return [f"{one}.{int(two)}.{int(three)}" for one, two, three in _CODE.findall(text)]


def plain(words: str) -> str:
    """A server's words as one line without controls: people will see them in terminals."""
    return " ".join("".join(char if char.isprintable() else " " for char in words[:_LOOKED_AT]).split())[:MOST_WORDS]


def cause_of(status: str) -> Cause:
    """A failure's."""
    if status in _OF_THE_ADDRESS:
        return Cause.HARD
    return Cause.POLICY if _OF_THE_MAIL.match(status) else Cause.SOFT
