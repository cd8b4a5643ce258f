"""`is_too_deep`: html that libraries in Rust would recurse into until the stack ends, and the worker with it.

A loop that opens a tag and never closes it does that with ten thousand items of data; mrml and css-inline then die of SIGSEGV.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Set as AbstractSet

from notifier.rendering.html_tree import VOID

MAX_DEPTH = 1000  # of those that are counted; mrml stands 5,000, on a stack of 8 MB
# Their ends may be left out, and the next one ends them: a long table is not a deep one. They nest in others alone, which count.
IMPLIED = frozenset(
    ("p", "li", "dt", "dd", "td", "th", "tr", "tbody", "thead", "tfoot", "caption", "colgroup", "option", "optgroup")
)
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)[^>]*?(/?)>")


def is_too_deep(html: str, implied: AbstractSet[str] = IMPLIED) -> bool:
    """True where elements lie deeper in one another than anybody means. ``implied`` names those that are not counted."""
    if html.count("<") <= MAX_DEPTH:  # nearly every mail
        return False
    uncounted = VOID | implied
    open_ones: Counter[str] = Counter()
    depth = 0
    for end, name, closed in _TAG.findall(html):
        name = name.lower()  # noqa: PLW2901
        if name in uncounted or closed:
            continue
        if not end:
            open_ones[name] += 1
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif open_ones[name]:  # an end of what is not open ends nothing
            open_ones[name] -= 1
            depth -= 1
    return False
