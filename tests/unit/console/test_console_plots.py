"""Plots drawn on the server."""

from __future__ import annotations

import re

from notifier.console.operator_page.plots import Plot, Series, number


def heights(svg: str) -> list[tuple[str, float, float]]:
    found = re.findall(r'<rect x="[^"]+" y="([^"]+)" width="[^"]+" height="([^"]+)" class="fill (\w+)"', svg)
    return [(tone, float(top), float(height)) for top, height, tone in found]


def test_the_series_of_a_column_stand_on_one_another() -> None:
    plot = Plot("Days", ["a", "b"], [Series("sent", "good", [3, 0]), Series("failed", "error", [1, 2])]).bars()
    assert heights(plot) == [("good", 37.5, 112.5), ("error", 0.0, 37.5), ("error", 75.0, 75.0)]


def test_a_line_has_a_point_for_each_label() -> None:
    plot = Plot("Minutes", ["a", "b", "c"], [Series("sent", "good", [0, 5, 10])]).lines()
    assert 'points="0.0,150.0 300.0,75.0 600.0,0.0"' in plot


def test_one_value_is_a_level_line_and_none_is_no_line() -> None:
    assert 'points="0.0,0.0 600.0,0.0"' in Plot("One", ["a"], [Series("sent", "good", [7])]).lines()
    assert "polyline" not in Plot("None", [], [Series("sent", "good", [])]).lines()


def test_nothing_but_noughts_is_a_plot_too() -> None:
    plot = Plot("Nothing", ["a", "b"], [Series("sent", "good", [0, 0])])
    assert heights(plot.bars()) == []
    assert 'points="0.0,150.0 600.0,150.0"' in plot.lines()


def test_who_sees_no_picture_has_the_numbers() -> None:
    plot = Plot("Latency", ["09:00"], [Series("half", "accent", [1234.5])], " s").lines()
    assert 'role="img" aria-label="Latency: half. The greatest value is 1,234.50 s' in plot
    assert "<td" in plot.split("<details>")[1]
    assert ">1,234.50 s<" in plot.split("<details>")[1]


def test_labels_are_text_and_no_markup() -> None:
    plot = Plot("<b>", ["<i>"], [Series("<u>", "good", [1])]).bars()
    assert not re.search(r"<[biu]>", plot)


def test_whole_numbers_have_no_point() -> None:
    assert [number(value) for value in (0, 1234567.0, 0.25)] == ["0", "1,234,567", "0.25"]
