"""Rounds: every number of replicas once, then every one once more. They may be kept in a file, for eight replicas take their time."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.scale.replicas import Run, measure
from benchmarks.smtp.sink import Sink

NEW_CONNECTION = "&messages_per_connection=1"


@dataclass(frozen=True, slots=True)
class Round:
    """``runs``: by the number of replicas; the last is one replica that opens a connection for each mail. ``load``: before it."""

    date: str
    load: float
    runs: tuple[Run, ...]


def measured(counts: Sequence[int], mails: int, sink: Sink) -> Round:
    """One round."""
    date, load = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", os.getloadavg()[0]
    runs = [measure(count, mails * (count + 1) // 2, sink) for count in counts]
    return Round(date, load, (*runs, measure(1, mails, sink, more=NEW_CONNECTION)))


def kept(file: Path | None) -> list[Round]:
    """What earlier commands have measured."""
    if file is None or not file.exists():
        return []
    lines = map(json.loads, file.read_text().splitlines())
    return [Round(one["date"], one["load"], tuple(Run(**run) for run in one["runs"])) for one in lines]


def keep(file: Path | None, one: Round) -> None:
    """For a later command."""
    if file is not None:
        with file.open("a") as opened:
            opened.write(json.dumps(asdict(one)) + "\n")


def medians(rounds: Sequence[Round]) -> list[Run]:
    """Of each run, over the rounds."""
    return [_median(same) for same in zip(*(one.runs for one in rounds), strict=True)]


def _median(runs: Sequence[Run]) -> Run:
    figures = {one.name: median(getattr(run, one.name) for run in runs) for one in fields(Run)}
    return Run(**{**figures, "replicas": runs[0].replicas})
