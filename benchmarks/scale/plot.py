"""A plot as SVG: something over a count, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

WIDTH, HEIGHT, MARGIN = 640, 360, 56
TICKS = tuple(step * 10.0**power for power in range(6) for step in (1, 2, 5))
COLOURS = ("#1f5fa8", "#b3480f", "#2d7a34", "#7a3d8f")
Points = Sequence[tuple[float, float]]


def plot(series: Mapping[str, Points], below: str = "replicas") -> str:
    """``series``: at most four, by what they are called; ``below``: what is counted."""
    points = [point for line in series.values() for point in line]
    x, y = (Scale([one[axis] for one in points]) for axis in (0, 1))
    body = [*_axes(sorted({one[0] for one in points}), TICKS, x, y, below)]
    for number, (name, line) in enumerate(series.items()):
        placed = [(_across(x(at)), _up(y(value))) for at, value in line]
        body += _line(name, placed, COLOURS[number], 20 + 18 * number)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    return "\n".join((head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *body, "</svg>", ""))


class Scale:
    """The logarithm of a value, as a part of the axis."""

    def __init__(self, values: Sequence[float]) -> None:
        self._low, self._high = math.log(min(values)), math.log(max(values))

    def __call__(self, value: float) -> float:
        return (math.log(value) - self._low) / ((self._high - self._low) or 1.0)


def _across(part: float) -> float:
    return MARGIN + part * (WIDTH - 2 * MARGIN)


def _up(part: float) -> float:
    return HEIGHT - MARGIN - part * (HEIGHT - 2 * MARGIN)


def _axes(xs: Sequence[float], ys: Sequence[float], x: Scale, y: Scale, below: str) -> Iterator[str]:
    for at in xs:
        yield f'<text x="{_across(x(at)):.0f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{at:,.0f}</text>'
    for value in ys:
        if 0 <= y(value) <= 1:
            yield f'<text x="{MARGIN - 6}" y="{_up(y(value)):.0f}" text-anchor="end">{value:,.0f}</text>'
            yield f'<path d="M{MARGIN} {_up(y(value)):.0f}H{WIDTH - MARGIN}" stroke="#ddd"/>'
    yield f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 12}" text-anchor="middle">{below}</text>'
    yield f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}" stroke="#444" fill="none"/>'


def _line(name: str, placed: Points, colour: str, label: float) -> Iterator[str]:
    yield f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in placed)}" fill="none" stroke="{colour}"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in placed)
    yield f'<text x="{MARGIN}" y="{label}" fill="{colour}">{name}</text>'
