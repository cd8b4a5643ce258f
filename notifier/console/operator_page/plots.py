"""Plots as SVG, drawn on the server: no script, and their numbers in a table below for whoever sees no picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from notifier.console.html import Markup, tag
from notifier.console.operator_page.layout import table

WIDTH, HEIGHT = 600.0, 150.0


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of value, with its colour (a class of the sheet)."""

    name: str
    tone: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Plot:
    """``unit`` stands behind every number."""

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: str = ""

    def bars(self) -> Markup:
        """A column for each label, the series on top of one another."""
        columns = list(zip(*(one.values for one in self.series), strict=True))
        most = max(map(sum, columns), default=0.0)
        step = WIDTH / max(1, len(columns))
        shapes = (shape for place, column in enumerate(columns) for shape in self._column(step, place, column, most))
        return self._figure(tag("g", *shapes), most)

    def lines(self) -> Markup:
        """A line for each series. Where there is one label, a level line."""
        most = max((value for one in self.series for value in one.values), default=0.0)
        return self._figure(tag("g", *(_line(one, most) for one in self.series if one.values)), most)

    def _column(self, step: float, place: int, column: Sequence[float], most: float) -> Iterator[Markup]:
        below = 0.0
        for one, value in zip(self.series, column, strict=True):
            below += value
            if value:
                yield _bar(one.tone, step * place, step, value / most, below / most)

    def _figure(self, shapes: Markup, most: float) -> Markup:
        return tag(
            "figure",
            tag("figcaption", self.title),
            tag(
                "p",
                *(tag("span", tag("i", class_=f"swatch {one.tone}"), one.name) for one in self.series),
                class_="legend",
            ),
            tag("p", f"{number(most)}{self.unit}", class_="axis"),
            self._picture(shapes, most),
            tag("p", tag("span", self.labels[0]), tag("span", self.labels[-1]), class_="axis") if self.labels else None,
            self._numbers(),
            class_="plot",
        )

    def _picture(self, shapes: Markup, most: float) -> Markup:
        names = ", ".join(one.name for one in self.series)
        return tag(
            "svg",
            shapes,
            viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
            preserveAspectRatio="none",
            role="img",
            aria_label=f"{self.title}: {names}. The greatest value is {number(most)}{self.unit}; the numbers are below.",
        )

    def _numbers(self) -> Markup:
        rows = (
            [label, *(number(one.values[place]) + self.unit for one in self.series)]
            for place, label in enumerate(self.labels)
        )
        shown = table(self.title, ["", *(one.name for one in self.series)], rows)
        return tag("details", tag("summary", "Numbers"), shown)


def _bar(tone: str, left: float, step: float, share: float, top: float) -> Markup:
    return tag(
        "rect",
        x=f"{left + step * 0.1:.1f}",
        y=f"{HEIGHT - top * HEIGHT:.1f}",
        width=f"{step * 0.8:.1f}",
        height=f"{max(1.0, share * HEIGHT):.1f}",
        class_=f"fill {tone}",
    )


def _line(one: Series, most: float) -> Markup:
    values = [*one.values, one.values[0]] if len(one.values) == 1 else one.values
    step = WIDTH / (len(values) - 1)
    heights = (HEIGHT - (value / most if most else 0) * HEIGHT for value in values)
    points = " ".join(f"{step * place:.1f},{height:.1f}" for place, height in enumerate(heights))
    return tag("polyline", points=points, class_=f"stroke {one.tone}")


def number(value: float) -> str:
    """Whole ones as they are, others with what can be told of them."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
