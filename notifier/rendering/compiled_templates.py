"""`CompiledTemplates`: an environment's templates, of which those go that were not used for longest.

Jinja2's own `LRUCache` looks through all that it holds at each look-up: with three thousand files, many times in each mail.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

# Files that stay compiled. With fewer than there are, used in turn, each mail would compile its own anew, which takes longer than all else of it.
COMPILED = 4_000


class CompiledTemplates(OrderedDict[Any, Any]):
    """As far as Jinja2 uses its cache. Each look-up takes the same time, however many there are. Safe to share between threads."""

    def __init__(self, capacity: int = COMPILED) -> None:
        super().__init__()
        self.capacity = capacity

    def get(self, key: Any, default: Any = None) -> Any:
        """The template, which is now the one that was used last."""
        try:
            self.move_to_end(key)
            return self[key]
        except KeyError:  # another thread may have put it out between the two
            return default

    def __setitem__(self, key: Any, template: Any) -> None:
        super().__setitem__(key, template)
        while len(self) > self.capacity:
            try:
                self.popitem(last=False)
            except KeyError:  # other threads have
                break
