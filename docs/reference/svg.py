"""Boxes and arrows as SVG, without a library: a committed picture must come out the same everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

HALF_HEIGHT = 14


@dataclass(frozen=True, slots=True)
class Box:
    """A state. ``x`` and ``y`` are its middle."""

    x: float
    y: float
    name: str
    half_width: float = 52
    fill: str = "#eef3fa"
    stroke: str = "#1f5fa8"

    def __str__(self) -> str:
        left, top = self.x - self.half_width, self.y - HALF_HEIGHT
        return (
            f'<rect x="{left:g}" y="{top:g}" width="{2 * self.half_width:g}" height="{2 * HALF_HEIGHT}" rx="6" '
            f'fill="{self.fill}" stroke="{self.stroke}"/>\n{text(self.x, self.y + 4, self.name, anchor="middle")}'
        )

    def border(self, x: float, y: float) -> tuple[float, float]:
        """Where the line from the middle towards a point leaves the box."""
        across, down = x - self.x, y - self.y
        part = min(self.half_width / abs(across) if across else math.inf, HALF_HEIGHT / abs(down) if down else math.inf)
        return self.x + across * part, self.y + down * part


def arrow(one: Box, other: Box, *, bend: float = 0.12, dashed: bool = False, colour: str = "#444") -> str:
    """From a box to another, bent to the left of its way: so the way back lies beside it."""
    across, down = other.x - one.x, other.y - one.y
    over = (one.x + other.x) / 2 + bend * down, (one.y + other.y) / 2 - bend * across
    start, end = one.border(*over), other.border(*over)
    return _path(f"M{_at(start)}Q{_at(over)} {_at(end)}", dashed=dashed, colour=colour)


def arc(one: Box, other: Box, out: float, *, dashed: bool = False, colour: str = "#444") -> str:
    """From the left side of a box to that of another, ``out`` beyond it; a box may lead to itself."""
    from_y, to_y = (one.y + 6, other.y - 6) if one.y <= other.y else (one.y - 6, other.y + 6)
    if one == other:
        from_y, to_y = one.y - 7, one.y + 7
    left, right = one.x - one.half_width, other.x - other.half_width
    way = f"M{left:g} {from_y:g}C{left - out:g} {from_y:g} {right - out:g} {to_y:g} {right:g} {to_y:g}"
    return _path(way, dashed=dashed, colour=colour)


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = "#222") -> str:
    """A line of words."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def page(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """The whole picture."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        'font-family="sans-serif" font-size="12">'
    )
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker></defs>'
    )
    ground = f'<rect width="{width}" height="{height}" fill="white"/>'
    return "\n".join((head, f"<title>{title}</title>", tip, ground, *parts, "</svg>", ""))


def _path(way: str, *, dashed: bool, colour: str) -> str:
    dashes = ' stroke-dasharray="5 3"' if dashed else ""
    return f'<path d="{way}" fill="none" stroke="{colour}"{dashes} marker-end="url(#tip)"/>'


def _at(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
