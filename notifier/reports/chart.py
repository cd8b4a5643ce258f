"""Charts as images: PNG through Pillow, which brings a font of its own along."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from notifier.errors import ConfigurationError, InvalidReport
from notifier.reports.result import ReportFile

WIDTH, HEIGHT, DENSITY = 560, 240, 2  # of a mail's column, in CSS pixels; drawn twice as fine for phones
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 34, 26
PAPER, INK, LINE = "#ffffff", "#3f4652", "#d9dde3"
COLOURS = ("#2f6fde", "#e8a33d", "#c8413a", "#4a9c6d", "#8a63c9")
MOST_BARS = 62
MOST, LEAST = 1e100, -100  # what a scale can show, and the power of ten of its finest
LABEL = 120  # CSS pixels that a label may take where others have no place then
LETTERS = 200  # of a label that are looked at
HOSTS_FONT = "DejaVuSans.ttf"  # where it has one; Pillow's own has the letters of ASCII alone


def bar_chart(
    filename: str,
    labels: Sequence[object],
    series: Mapping[str, Sequence[float | Decimal]],
    *,
    font: str | Path | None = None,
) -> ReportFile:
    """Bars beside each other, one for each label, of one or several series on top of each other; an inline PNG.

    Give ``url`` of what is returned to the context, and the file itself to ``attachments``. ``font`` is a file with the
    letters that labels need. Raises `InvalidReport` for numbers that cannot be shown, `ConfigurationError` without Pillow.
    """
    _check(labels, series)
    names, titles = list(map(_line, labels)), list(map(_line, series))
    columns = [[float(value) for value in values] for values in series.values()]
    try:
        from PIL import Image, ImageDraw  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(["a chart needs Pillow: pip install 'notifier-worker[reports]'"]) from None
    image = Image.new("RGB", (WIDTH * DENSITY, HEIGHT * DENSITY), PAPER)
    pen = _Pen(ImageDraw.Draw(image), _font(font, "".join([*names, *titles])))
    top = _round_top(max((sum(column) for column in zip(*columns, strict=True)), default=0.0))
    _legend(pen, titles)
    _scale(pen, top)
    _bars(pen, names, columns, top)
    data = io.BytesIO()
    image.quantize(64).save(data, "PNG", optimize=True)
    return ReportFile(filename, "image/png", data.getvalue(), inline=True)


def _line(text: object) -> str:
    return " ".join(str(text)[:LETTERS].split())


def _font(given: str | Path | None, text: str) -> Any:
    from PIL import ImageFont  # noqa: PLC0415 - an extra

    try:
        if given is not None or not text.isascii():
            return ImageFont.truetype(given or HOSTS_FONT, 12 * DENSITY)
    except OSError as error:
        if given is not None:
            raise InvalidReport(f"the font of a chart, {str(given)!r}, cannot be read: {error}") from None
    return ImageFont.load_default(12 * DENSITY)


class _Pen:
    """Draws in CSS pixels."""

    def __init__(self, draw: Any, font: Any) -> None:
        self._draw = draw
        self._font = font

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        corners = [round(left * DENSITY), round(top * DENSITY), round(right * DENSITY) - 1, round(bottom * DENSITY) - 1]
        if corners[2] >= corners[0] and corners[3] >= corners[1]:
            self._draw.rectangle(corners, fill=colour)

    def words(self, x: float, y: float, text: str, anchor: str) -> float:
        """The width that they took."""
        self._draw.text((x * DENSITY, y * DENSITY), text, fill=INK, font=self._font, anchor=anchor)
        return self.width(text)

    def cut(self, text: str, room: float) -> str:
        """As much of it as has room."""
        if self.width(text) <= room:
            return text
        while text and self.width(f"{text}...") > room:
            text = text[:-1]
        return f"{text}..."

    def width(self, text: str) -> float:
        return float(self._font.getlength(text)) / DENSITY


def _check(labels: Sequence[object], series: Mapping[str, Sequence[object]]) -> None:
    if not series or len(series) > len(COLOURS):
        raise InvalidReport(f"a chart has one to {len(COLOURS)} series, and not {len(series)}")
    if len(labels) > MOST_BARS:
        raise InvalidReport(f"a chart has {MOST_BARS} labels at most, and not {len(labels)}")
    for name, values in series.items():
        if len(values) != len(labels):
            raise InvalidReport(f"the series {name!r} has {len(values)} values for {len(labels)} labels")
        if not all(map(_is_shown, values)):
            raise InvalidReport(f"the series {name!r} has a value that is no number of nought or more")


def _is_shown(value: Any) -> bool:
    try:
        return not isinstance(value, str) and 0 <= float(value) < MOST
    except (TypeError, ValueError, OverflowError):
        return False


def _round_top(most: float) -> float:
    """The first of 1, 2, 5, 10, 20 … or 0.5, 0.2, 0.1 … that is as great; the scale has it at its top."""
    power = 10.0 ** max(math.floor(math.log10(most)), LEAST) if most else 1.0
    return next(power * step for step in (1, 2, 5, 10, 20) if power * step >= most)


def _legend(pen: _Pen, names: Sequence[str]) -> None:
    x, room = float(LEFT), (WIDTH - LEFT - RIGHT) / len(names)
    for name, colour in zip(names, COLOURS, strict=False):
        pen.box(x, 8, x + 10, 18, colour)
        x += 16 + pen.words(x + 15, 13, pen.cut(name, room - 32), "lm") + 16


def _scale(pen: _Pen, top: float) -> None:
    for part in range(5):
        y = HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM) / 4
        pen.box(LEFT, y, WIDTH - RIGHT, y + 0.5, LINE)
        pen.words(LEFT - 8, y, f"{top * part / 4:,.10g}", "rm")


def _bars(pen: _Pen, labels: Sequence[str], series: Sequence[Sequence[float]], top: float) -> None:
    if not labels:
        return
    room = (WIDTH - LEFT - RIGHT) / len(labels)
    labels = [pen.cut(label, max(room - 4, LABEL)) for label in labels]
    every = 1 + int(max(map(pen.width, labels)) // max(room - 4, 1))
    for number, label in enumerate(labels):
        left, bottom = LEFT + number * room, float(HEIGHT - BOTTOM)
        for values, colour in zip(series, COLOURS, strict=False):
            height = values[number] / top * (HEIGHT - TOP - BOTTOM)
            pen.box(left + room * 0.15, bottom - height, left + room * 0.85, bottom, colour)
            bottom -= height
        if number % every == 0:
            pen.words(left + room / 2, HEIGHT - BOTTOM + 6, label, "mt")
