"""Addresses as reports write them: with a type before them (RFC 3464), in xtext (RFC 3461), in the escapes of RFC 6533."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"""[^\s<>()\[\],;:"]{1,128}@[^\s<>()\[\],;:"@]{1,255}""")
_QUOTED = re.compile(r'"[^"\n]{1,64}"@[^\s<>()\[\],;:"@]{1,255}')
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-F]{2,6})\}", re.IGNORECASE)
MOST_ADDRESSES = 10


def typed(value: str) -> tuple[str, ...]:
    """What ``rfc822; Zoe@example.com`` may mean, in small letters: as it stands, and where it is xtext, what that stands for."""
    kind, semicolon, rest = value.partition(";")
    text = rest if semicolon else kind
    if kind.strip().lower() == "utf-8":
        text = _UNITEXT.sub(_letter, text)
    found = addresses_in(text)
    return tuple(dict.fromkeys((*found, *(_from_xtext(one) for one in found))))


def addresses_in(text: str) -> tuple[str, ...]:
    """Addresses that stand in a text, in small letters."""
    text = text[:2000]
    found = (*_QUOTED.findall(text), *_ADDRESS.findall(text))
    return tuple(dict.fromkeys(one.lower().strip(".'`").removeprefix("smtp=") for one in found))[:MOST_ADDRESSES]


def _letter(escaped: re.Match[str]) -> str:
    number = int(escaped[1], 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else escaped[0]


def _from_xtext(text: str) -> str:
    return _XTEXT.sub(lambda found: chr(int(found[1], 16)), text.upper()).lower() if "+" in text else text
