"""Sphinx's settings. `make docs` makes the pages; every warning is an error there."""

from __future__ import annotations

import re
from importlib.metadata import version as installed
from typing import Any

project = "Notifier"
author = "the authors of Notifier"
version = release = installed("notifier-worker")
extensions = ["myst_parser"]
exclude_patterns = ["requirements.txt"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Notifier"
nitpicky = True
# The pages are read in the repository too, where these links lead to files; a site has the name alone.
_OUTSIDE = re.compile(
    r"\[([^]]+)\]\((?:\.\./)+((?:benchmarks|examples|tests|deploy|templates|notifier|README|CHANGELOG)[^)#]*)[^)]*\)"
)


def _name_files_outside(app: Any, name: str, text: list[str]) -> None:
    del app, name
    text[0] = _OUTSIDE.sub(lambda link: f"{link[1]} (`{link[2]}`)", text[0])


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.connect("source-read", _name_files_outside)
