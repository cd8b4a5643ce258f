"""The tables of a page in Markdown, read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def rows(page: Path) -> Iterator[list[str]]:
    """Every row of every table, cell by cell; heads and rules too."""
    for line in page.read_text().splitlines() if page.exists() else ():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def row(page: Path, *beginning: str, number: int = 0) -> list[str] | None:
    """The first row whose cells begin so, or the one ``number`` behind it; None where there is none."""
    fitting = [cells for cells in rows(page) if cells[: len(beginning)] == [*beginning]]
    return fitting[number] if len(fitting) > number else None


def figure(cell: str) -> float:
    """A number as it stands in a table."""
    return float(cell.replace(",", ""))


def footer(page: Path) -> dict[str, str]:
    """What the lines at the foot say: date, machine, versions, load."""
    lines = page.read_text().splitlines() if page.exists() else []
    return {name: said for line in lines if line.startswith("- ") for name, _, said in [line[2:].partition(": ")]}
