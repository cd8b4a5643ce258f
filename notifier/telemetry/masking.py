"""Addresses for a log: enough to find a complaint by, and nobody's mailbox."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHOWN = 3  # recipients; the others are a number
# RFC 5321 section 4.1.2, and what servers make of it in their replies. Reasons and errors have any length: a name is looked
# for where a word begins and not at each of its letters, and a quoted one no further than RFC 5321 lets it be (64 octets).
ADDRESS = re.compile(
    r"(?:\"(?:[^\"\\]|\\.){0,70}\"|(?<![^\s<>\"',;:()\[\]{}=@])[^\s<>\"',;:()\[\]{}=@]++)@[^\s<>\"',;:()\[\]{}=]+"
)


def masked(address: str) -> str:
    """``zoe@example.org`` as ``z…@example.org``."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else "…"


def masked_list(addresses: Sequence[str]) -> list[str]:
    """The first few, and how many more."""
    shown = [masked(one) for one in addresses[:SHOWN]]
    return [*shown, f"and {len(addresses) - SHOWN} more"] if len(addresses) > SHOWN else shown


def without(addresses: Sequence[str], words: str) -> str:
    """A server's words, in which it may repeat to whom the mail was."""
    if "@" not in words:
        return words
    known = "|".join(map(re.escape, sorted(addresses, key=len, reverse=True)))
    return re.sub(known, lambda found: masked(found[0]), words, flags=re.IGNORECASE) if known else words


def without_any(words: str) -> str:
    """The same, where it is not known to whom the mail was."""
    return ADDRESS.sub(lambda found: masked(found[0]), words)
