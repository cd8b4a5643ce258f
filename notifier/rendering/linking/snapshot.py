"""`Snapshot`: the files of one template as they are now, so that what is read of them and what they do when they run is of the same text."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import BaseLoader, Environment

from notifier.rendering.linking.trees import NotLinked

_MAX_FILES = 64  # that one template may reach

Source = tuple[str, str | None, Callable[[], bool] | None]


class Snapshot(BaseLoader):
    """Over another loader, of which it asks for each file once."""

    def __init__(self, loader: BaseLoader) -> None:
        self._loader = loader
        self._seen: dict[str, Source] = {}

    def get_source(self, environment: Environment, template: str) -> Source:
        """Jinja2's own contract. Raises `NotLinked` for too many files."""
        if template not in self._seen:
            if len(self._seen) >= _MAX_FILES:
                raise NotLinked("it reaches too many files")
            self._seen[template] = self._loader.get_source(environment, template)
        return self._seen[template]

    def unchanged(self) -> tuple[Callable[[], bool], ...]:
        """Of each file, whether it is still so."""
        return tuple(unchanged for _, _, unchanged in self._seen.values() if unchanged is not None)
