"""The Lua scripts: one file each, what it names of a shared prelude, and the table of edges written from the model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from notifier.model.state import EDGES, EVIDENCE, MailState

NAMES = (
    "reserve",
    "add",
    "suppressed",
    "screen",
    "claim",
    "renew",
    "begin_dot",
    "settle",
    "evidence",
    "prove",
    "bounce",
    "postpone",
    "cancel",
    "resolve",
    "reschedule",
    "pause",
    "bell",
    "sweep",
    "worker",
    "workers",
    "remember",
    "epoch",
    "park",
    "restore_over",
    "hook",
    "breaker",
    "rates",
    "slow",
    "connections",
    "put_blob",
    "blob",
    "shared",
    "purge",
    "report",
)

# A path, and not `importlib.resources`, which imports as it reads: a child that is forked meanwhile would wait for that import for ever.
_FOLDER = Path(__file__).with_name("lua")
TAKES_NEW = ("reserve", "add", "put_blob")
# A server that is full (maxmemory) takes no new mail, but delivers what it has, which is what frees it. A settlement
# refused for want of a few octets would make a delivered mail unknown, and send it twice.
FLAGS = {name: "#!lua flags=allow-oom\n" for name in NAMES if name not in TAKES_NEW}


# A top-level name of the prelude, with what stands behind it up to the next one.
_PIECE = re.compile(r"^local (?:function )?(\w+).*?(?=^local |\Z)", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)


@cache
def source(name: str, hooks: tuple[str, ...] = ()) -> str:
    """The whole text of a script. ``hooks``: who is to be told what its edges do."""
    prelude = (_FOLDER / "prelude.lua").read_text(encoding="utf-8")
    body = (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")
    if name in ("evidence", "prove"):
        body = f"{_edges('EVIDENCE', EVIDENCE)}\n{body}"
    shared = f"{_edges('EDGES', EDGES)}\n{_hooks(hooks)}\n{prelude}"
    whole = _with_what_it_names(body, shared)
    return FLAGS.get(name, "") + (_with_what_it_names(_counting(body), shared) if "COUNTED" in whole else whole)


@cache
def digest(name: str, hooks: tuple[str, ...] = ()) -> str:
    """What EVALSHA calls it by."""
    return hashlib.sha1(source(name, hooks).encode(), usedforsecurity=False).hexdigest()


def _with_what_it_names(body: str, shared: str) -> str:
    """The server makes a function anew with each call, whether it is called or not: only what is named goes along."""
    text = body
    for piece in reversed(list(_PIECE.finditer(_COMMENT.sub("", shared)))):
        if re.search(rf"\b{piece[1]}\b", text):
            text = piece[0] + text
    return text


def _counting(body: str) -> str:
    """What the script has counted is written when it has come to its end, however it came there."""
    return f"local function run()\n{body}\nend\nlocal answer = run()\nwrite_counted()\nreturn answer\n"


def _edges(name: str, table: Mapping[MailState, frozenset[MailState]]) -> str:
    pairs = (f"['{start}>{end}'] = true" for start, ends in table.items() for end in sorted(ends))
    return f"local {name} = {{ {', '.join(pairs)} }}"


def _hooks(kinds: tuple[str, ...]) -> str:
    return f"local HOOKS = {{ {', '.join(repr(str(kind)) for kind in kinds)} }}"
