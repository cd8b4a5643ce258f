"""Tables of data as columns of text. A table that only lays a page out is none, and stays to its reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from notifier.rendering.html_display import declarations
from notifier.rendering.html_tree import Node
from notifier.rendering.text_width import padded, width, wrapped

GAP = "  "
SHORT = 32  # columns of a cell that may be one of a table without headings
MAX_COLUMNS = 16
_NUMBER = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class _Cell:
    lines: list[str]
    heading: bool
    right: bool
    column: int
    span: int


Row = list[_Cell]


def data_lines(
    table: Node, columns: int, show: Callable[[Node], list[str]], shown: Callable[[Node], bool]
) -> list[str] | None:
    """The table in at most so many columns; None where it is a layout, or does not fit.

    ``show`` gives a cell's lines, ``shown`` tells whether an element is to be seen.
    """
    if table.has_table:
        return None
    rows = [row for nodes in _rows(table, shown) if (row := _placed(nodes, show)) is not None]
    rows = [row for row in rows if any(cell.lines for cell in row)]
    used = sorted({cell.column for row in rows for cell in row if cell.lines})
    if not 2 <= len(used) <= MAX_COLUMNS or not _is_data(table, rows):
        return None
    widths = _fitted(_widths(rows, used), _least(rows, used), columns)
    if widths is None:
        return None
    captions = [line for child in _elements(table) if child.name == "caption" and shown(child) for line in show(child)]
    return [*captions, *_drawn(rows, used, widths)]


def _elements(node: Node) -> list[Node]:
    return [child for child in node.children if isinstance(child, Node)]


def _rows(table: Node, shown: Callable[[Node], bool]) -> Iterator[list[Node]]:
    for section in filter(shown, _elements(table)):
        for row in [section] if section.name == "tr" else _elements(section) if section.name != "caption" else []:
            if row.name == "tr" and shown(row):
                yield [cell for cell in _elements(row) if cell.name in ("td", "th") and shown(cell)]


def _placed(nodes: list[Node], show: Callable[[Node], list[str]]) -> Row | None:
    row: Row = []
    column = 0
    for node in nodes:
        number = _NUMBER.match(node.attributes.get("colspan", ""))
        span = max(int(number[0]) if number else 1, 1)
        row.append(_Cell(show(node), node.name == "th", _to_the_right(node), column, span))
        column += span
    return row or None


def _to_the_right(node: Node) -> bool:
    style = declarations(node.attributes.get("style", ""))
    return style.get("text-align", node.attributes.get("align", "").lower()) in ("right", "end")


def _is_data(table: Node, rows: list[Row]) -> bool:
    """With headings, or, by its looks, columns of short cells."""
    cells = [cell for row in rows for cell in row if cell.lines]
    short = all(len(cell.lines) == 1 and width(cell.lines[0]) <= SHORT for cell in cells)
    role = table.attributes.get("role", "").lower()
    if role in ("presentation", "none"):
        return short and len(rows) == 1  # a menu, a row of buttons
    headed = {cell.heading for cell in cells} == {True, False} or any(
        child.name == "thead" for child in _elements(table)
    )
    return short or role in ("table", "grid") or (headed and len(rows) > 1)


def _covered(cell: _Cell, used: list[int]) -> list[int]:
    """The places in ``used`` that the cell covers."""
    return [place for place, column in enumerate(used) if cell.column <= column < cell.column + cell.span]


def _widths(rows: list[Row], used: list[int]) -> list[int]:
    widths = [1] * len(used)
    cells = [(cell, _covered(cell, used)) for row in rows for cell in row if cell.lines]
    for cell, places in sorted(cells, key=lambda found: len(found[1])):
        missing = max(map(width, cell.lines)) - sum(widths[place] for place in places) - len(GAP) * (len(places) - 1)
        if missing > 0:
            widths[places[-1]] += missing
    return widths


def _least(rows: list[Row], used: list[int]) -> list[int]:
    """No column becomes narrower than its longest word: a URL is never broken."""
    least = [1] * len(used)
    for cell in (cell for row in rows for cell in row):
        places = _covered(cell, used)
        if len(places) == 1:
            words = (width(word) for line in cell.lines for word in line.split())
            least[places[0]] = max(least[places[0]], *words, 1)
    return least


def _fitted(widths: list[int], least: list[int], columns: int) -> list[int] | None:
    """The widest columns give way until the table fits."""
    if max(least) > columns:
        return None
    widths = [min(have, columns) for have in widths]
    for _ in range(sum(widths) + len(GAP) * (len(widths) - 1) - columns):
        room, place = max((have if have > least[place] else 0, place) for place, have in enumerate(widths))
        if not room:
            return None
        widths[place] -= 1
    return widths


def _drawn(rows: list[Row], used: list[int], widths: list[int]) -> list[str]:
    lines: list[str] = []
    for number, row in enumerate(rows):
        lines.extend(_row_lines(row, used, widths))
        if number == 0 and len(rows) > 1 and all(cell.heading for cell in row):
            lines.append(GAP.join("-" * columns for columns in widths))
    return lines


def _row_lines(row: Row, used: list[int], widths: list[int]) -> list[str]:
    blocks: list[tuple[list[str], int, bool]] = []
    for cell in row:
        places = _covered(cell, used)
        if places:
            columns = sum(widths[place] for place in places) + len(GAP) * (len(places) - 1)
            blocks.append(([part for line in cell.lines for part in wrapped(line, columns)], columns, cell.right))
    height = max(len(lines) for lines, _, _ in blocks)
    return [
        GAP.join(
            padded(lines[line] if line < len(lines) else "", columns, right=right) for lines, columns, right in blocks
        ).rstrip()
        for line in range(height)
    ]
