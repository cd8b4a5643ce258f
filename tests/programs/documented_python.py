"""Runs samples of the pages, one after the other, in this one process; reads them from standard input as JSON.

Those of one page go on from each other, as a reader has them. What became of each goes to standard output.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import sys
import traceback
from typing import Any

spaces: dict[str, dict[str, Any]] = {}
became: dict[str, str] = {}
for job in json.load(sys.stdin):
    space = spaces.setdefault(job["page"], {"__name__": "sample"})
    try:
        exec(job["given"], space)  # noqa: S102 - our own pages
        code = compile(job["code"], job["name"], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waits = eval(code, space)  # noqa: S307
        if inspect.iscoroutine(waits):
            asyncio.run(waits)
        exec(job["then"], space)  # noqa: S102
        became[job["name"]] = ""
    except Exception:  # noqa: BLE001 - told to the test, whatever it is
        became[job["name"]] = traceback.format_exc()
print("\n" + json.dumps(became))
