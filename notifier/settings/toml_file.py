"""Settings that are a file of tables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notifier.settings.relay import ManyProblems
from notifier.settings.sources import read_file


def read_toml(path: Path) -> Mapping[str, Any]:
    """The tables of the file. Raises `ValueError` that says why they cannot be read."""
    problems: list[str] = []
    content = read_file(path, secret=False, problems=problems)
    if content is None:
        raise ManyProblems(problems)
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"names {path}, which is no TOML: {error}") from None
    except RecursionError:
        raise ValueError(f"names {path}, which is nested too deeply") from None
