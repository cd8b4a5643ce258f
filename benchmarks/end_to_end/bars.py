"""A plot as SVG: a bar for each figure, from zero."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

WIDTH, BAR, GAP, NAMES = 720, 18, 10, 330


def bars(figures: Mapping[str, float], title: str) -> str:
    """``figures`` by what they are called, in their order; ours are coloured."""
    most, lines = max(figures.values()), []
    for number, (name, figure) in enumerate(figures.items()):
        top, long = 40 + number * (BAR + GAP), (WIDTH - NAMES - 80) * figure / most
        colour = "#1f5fa8" if "Notifier" in name else "#9aa4ad"
        lines += [
            f'<text x="{NAMES - 8}" y="{top + 13}" text-anchor="end">{escape(name.replace("*", "").replace("`", ""))}</text>',
            f'<rect x="{NAMES}" y="{top}" width="{long:.1f}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{NAMES + long + 6:.1f}" y="{top + 13}">{figure:,.0f}</text>',
        ]
    height = 50 + len(figures) * (BAR + GAP)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">'
    background = f'<rect width="{WIDTH}" height="{height}" fill="white"/>'
    return "\n".join((head, background, f'<text x="12" y="22">{escape(title)}</text>', *lines, "</svg>", ""))
