"""SASLprep (RFC 4013): one way to write a password, whatever keyboard it came from."""

from __future__ import annotations

import stringprep
import unicodedata
from collections.abc import Callable, Sequence

_MAPPED_TO_SPACE = stringprep.in_table_c12
_MAPPED_TO_NOTHING = stringprep.in_table_b1
_PROHIBITED: Sequence[Callable[[str], bool]] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class Unprepared(ValueError):
    """RFC 4013 has no form for it: SCRAM cannot carry it, and a mechanism that sends octets as they are may."""


def saslprep(text: str) -> str:
    """``text`` prepared as a query. Raises `Unprepared`, without the text, for what no password may hold."""
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(" " if _MAPPED_TO_SPACE(char) else char for char in text if not _MAPPED_TO_NOTHING(char))
    prepared = unicodedata.normalize("NFKC", mapped)
    if any(prohibited(char) for char in prepared for prohibited in _PROHIBITED):
        raise Unprepared("user name or password holds a character that RFC 4013 prohibits")
    _check_direction(prepared)
    return prepared


def _check_direction(text: str) -> None:
    """RFC 3454 section 6: text in both directions could be read in two ways."""
    if not any(stringprep.in_table_d1(char) for char in text):
        return
    mixed = any(stringprep.in_table_d2(char) for char in text)
    if mixed or not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise Unprepared("user name or password mixes directions of writing as RFC 4013 prohibits")
