"""Whether it can be read: the size of letters, and their contrast in light and in dark mode (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

from collections.abc import Iterator

from notifier.console.preview_page.checks.cascade import UNKNOWN, Cascade
from notifier.console.preview_page.checks.colour import contrast, read_colour
from notifier.console.preview_page.checks.document import Document, Element
from notifier.console.preview_page.checks.finding import Finding, warning

SMALLEST = 12.0  # px
LARGE, LARGE_BOLD = 24.0, 18.66  # px: letters from here on may have less contrast
ENOUGH, ENOUGH_LARGE = 4.5, 3.0


def check_legibility(document: Document) -> Iterator[Finding]:
    """Small letters once, contrast in both modes."""
    light, dark = Cascade(document), Cascade(document, dark=True)
    for element in document.elements:
        if element.hidden or not any(map(_has_letters, element.texts)):
            continue
        yield from _size(element, light)
        found = list(_contrast(element, light, "light"))
        # What is wrong in both modes in the same way is one fault.
        yield from found or _contrast(element, dark, "dark")


def _has_letters(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _size(element: Element, cascade: Cascade) -> Iterator[Finding]:
    size = _number(cascade.style(element).get("font-size", "16"))
    if size is not None and size < SMALLEST:
        yield warning(f"letters of {size:.3g}px are hard to read: take {SMALLEST:.0f}px or more", element.line)


def _contrast(element: Element, cascade: Cascade, mode: str) -> Iterator[Finding]:
    style = cascade.style(element)
    ink, ground = read_colour(style.get("color", "")), read_colour(style.get("background-color", ""))
    if ink is None or ground is None:
        return
    ratio, needed = contrast(ink, ground), _needed(style)
    if ratio < needed:
        place = f"{style['color']} on {style['background-color']} in {mode} mode"
        yield warning(f"contrast is {ratio:.1f} : 1 for {place}: WCAG AA asks for {needed:g} : 1", element.line)


def _needed(style: dict[str, str]) -> float:
    size = _number(style.get("font-size", "16"))
    weight = style.get("font-weight", "400")
    bold = weight in {"bold", "bolder"} or (weight.isascii() and weight.isdigit() and int(weight[:4]) >= 700)
    large = size is not None and size >= (LARGE_BOLD if bold else LARGE)
    return ENOUGH_LARGE if large else ENOUGH


def _number(size: str) -> float | None:
    return None if size == UNKNOWN else float(size)
