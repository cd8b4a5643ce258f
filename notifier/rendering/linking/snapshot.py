"""`Snapshot`: the files of one template as they are now, so that what is read of them and what they do when they run is of the same text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import BaseLoader, Environment

from notifier.rendering.linking.trees import NotLinked
from notifier.rendering.shared_code import digest_of

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

    def digests(self) -> dict[str, str]:
        """Of each file's text, by the file's name."""
        return {name: digest_of(source) for name, (source, _, _) in self._seen.items()}

    def has(self, environment: Environment, digests: Mapping[str, str]) -> bool:
        """True where the files have these texts now."""
        try:
            return all(digest_of(self.get_source(environment, name)[0]) == one for name, one in digests.items())
        except Exception:  # noqa: BLE001 - it is gone, or cannot be read: rendering tells it, with file and line
            return False
