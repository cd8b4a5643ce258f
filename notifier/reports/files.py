"""Tables as files: CSV, and XLSX through XlsxWriter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from notifier.errors import ConfigurationError
from notifier.reports.result import ReportFile

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What a spreadsheet takes for a formula (CWE-1236): a customer's name must not be run by whoever opens the file.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_file(filename: str, rows: Iterable[Sequence[object]], *, columns: Sequence[str] = ()) -> ReportFile:
    """A CSV (RFC 4180) in UTF-8 with a byte order mark, which Excel wants.

    Text that a spreadsheet would run as a formula gets an apostrophe before it; numbers stay as they are.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if columns:
        writer.writerow(columns)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return ReportFile(filename, "text/csv", text.getvalue().encode("utf-8-sig"))


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def xlsx_file(
    filename: str, rows: Iterable[Sequence[object]], *, columns: Sequence[str] = (), sheet: str = "Report"
) -> ReportFile:
    """A workbook with one sheet, ``columns`` as its head; text is text, never a formula or a link.

    Raises `ConfigurationError` without XlsxWriter.
    """
    try:
        from xlsxwriter import Workbook  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(["an .xlsx file needs XlsxWriter: pip install 'notifier-worker[reports]'"]) from None
    data = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "remove_timezone": True,
        "default_date_format": "yyyy-mm-dd",
    }
    with Workbook(data, options) as book:
        page, head = book.add_worksheet(sheet), book.add_format({"bold": True})
        moments = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for number, name in enumerate(columns):
            page.write_string(0, number, name, head)
        for place, row in enumerate(rows, start=1 if columns else 0):
            for number, cell in enumerate(row):
                _write(page, place, number, cell, moments)
        page.autofit()
    return ReportFile(filename, XLSX, data.getvalue())


def _write(page: Any, row: int, column: int, cell: object, moments: object) -> None:
    if isinstance(cell, str):
        page.write_string(row, column, cell)
    elif isinstance(cell, datetime):
        page.write_datetime(row, column, cell, moments)
    elif isinstance(cell, date):
        page.write_datetime(row, column, cell)
    elif cell is None or isinstance(cell, bool | int | float):
        page.write(row, column, cell)
    else:
        page.write_string(row, column, str(cell))
