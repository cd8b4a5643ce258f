"""Tables as files: CSV, and XLSX through XlsxWriter."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from notifier.errors import ConfigurationError, InvalidReport
from notifier.reports.result import ReportFile

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
OUTSIDE = -1
FIRST_YEAR = 1900  # of a spreadsheet's calendar
EXACT = 10**15  # a spreadsheet's numbers are doubles: a longer one, such as an id, would lose its last digits
# What a spreadsheet takes for a formula (CWE-1236): a customer's name must not be run by whoever opens the file. Some
# of them skip blanks before it, and know the wide forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_file(filename: str, rows: Iterable[Sequence[object]], *, columns: Sequence[object] = ()) -> ReportFile:
    """A CSV (RFC 4180) in UTF-8 with a byte order mark, which Excel wants.

    Text that a spreadsheet would run as a formula gets an apostrophe before it; numbers stay as they are. Raises
    `InvalidReport`.
    """
    text = io.StringIO(newline="")
    # All text is quoted: a spreadsheet of a country where a semicolon parts the cells would find a formula behind it.
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    if columns:
        writer.writerow(map(_harmless, columns))
    writer.writerows(map(_harmless, row) for row in _checked(rows))
    return ReportFile(filename, "text/csv", text.getvalue().encode("utf-8-sig"))


def _checked(rows: Iterable[object]) -> Iterator[Iterable[object]]:
    for row in rows:
        if isinstance(row, str | bytes | Mapping) or not isinstance(row, Iterable):
            raise InvalidReport(f"a row of a table is a list or a tuple of cells, and not {type(row).__name__}")
        yield row


def _harmless(cell: object) -> object:
    if cell is None or isinstance(cell, int | float | Decimal):
        return cell
    text = _text(cell)  # whatever else it is: a text that is translated late is no str
    return f"'{text}" if text.lstrip(" \xa0").startswith(_FORMULA) else text


def xlsx_file(
    filename: str, rows: Iterable[Sequence[object]], *, columns: Sequence[object] = (), sheet: str = "Report"
) -> ReportFile:
    """A workbook with one sheet, ``columns`` as its head; text is text, never a formula or a link.

    A text beyond the 32,767 characters of a cell is cut. Raises `InvalidReport` for what a sheet cannot hold,
    `ConfigurationError` without XlsxWriter.
    """
    try:
        from xlsxwriter import Workbook  # noqa: PLC0415 - an extra
        from xlsxwriter.exceptions import InvalidWorksheetName  # noqa: PLC0415 - the same
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
        try:
            page, head = book.add_worksheet(sheet), book.add_format({"bold": True})
        except InvalidWorksheetName as error:
            raise InvalidReport(f"{sheet!r} is no name of a sheet: {error}") from None
        moments = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for number, name in enumerate(columns):
            page.write_string(0, number, _text(name), head)
        for place, row in enumerate(_checked(rows), start=1 if columns else 0):
            for number, cell in enumerate(row):
                if _write(page, place, number, cell, moments) == OUTSIDE:
                    raise InvalidReport("a sheet has 1,048,576 rows of 16,384 cells, and these are more")
        page.autofit()
    return ReportFile(filename, XLSX, data.getvalue())


def _write(page: Any, row: int, column: int, cell: object, moments: object) -> int:
    """What XlsxWriter says of it: 0, or less where it could not."""
    if isinstance(cell, date) and cell.year >= FIRST_YEAR:
        form = moments if isinstance(cell, datetime) else None
        return int(page.write_datetime(row, column, cell, form))
    if cell is None or isinstance(cell, bool) or _is_exact(cell):
        return int(page.write(row, column, cell))
    return int(page.write_string(row, column, _text(cell)))


def _is_exact(cell: object) -> bool:
    if isinstance(cell, Decimal):
        return cell.is_finite() and abs(cell) < EXACT
    return math.isfinite(cell) if isinstance(cell, float) else isinstance(cell, int) and abs(cell) < EXACT


def _text(cell: object) -> str:
    """Half of a surrogate pair, as in the name of a file that nobody could read, becomes a question mark."""
    return str(cell).encode("utf-8", "replace").decode()
