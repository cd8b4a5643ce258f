"""Colours of CSS, and the contrast of two (WCAG 2.2, "contrast ratio")."""

from __future__ import annotations

import re

Colour = tuple[int, int, int]

_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\Z")
_RGB = re.compile(r"rgb\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*\)\Z")
# The sixteen names of HTML 4, and those that mails use beside them.
_NAMES = {
    "black": "000000", "silver": "c0c0c0", "gray": "808080", "grey": "808080", "white": "ffffff", "maroon": "800000",
    "red": "ff0000", "purple": "800080", "fuchsia": "ff00ff", "green": "008000", "lime": "00ff00", "olive": "808000",
    "yellow": "ffff00", "navy": "000080", "blue": "0000ff", "teal": "008080", "aqua": "00ffff", "orange": "ffa500",
    "darkgray": "a9a9a9", "darkgrey": "a9a9a9", "lightgray": "d3d3d3", "lightgrey": "d3d3d3", "dimgray": "696969",
    "dimgrey": "696969", "whitesmoke": "f5f5f5", "gold": "ffd700", "tomato": "ff6347", "crimson": "dc143c",
}  # fmt: skip


def read_colour(text: str) -> Colour | None:
    """None for what is no plain colour: a gradient, a transparent one, a name that is not known here."""
    text = text.replace("!important", "").strip().lower()
    if text in _NAMES:
        return _of_hex(_NAMES[text])
    if found := _HEX.match(text):
        return _of_hex(found[1])
    if found := _RGB.match(text):
        red, green, blue = (min(255, int(part)) for part in found.groups())
        return red, green, blue
    return None


def contrast(one: Colour, other: Colour) -> float:
    """From 1 (the same) to 21 (black and white)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _of_hex(digits: str) -> Colour:
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
