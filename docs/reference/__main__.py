"""Writes the reference pages: python -m docs.reference"""

from __future__ import annotations

from pathlib import Path

from docs.reference.pages import PAGES

for name, page in PAGES.items():
    Path(__file__).with_name(name).write_text(page(), encoding="utf-8")
    print(f"docs/reference/{name}")
