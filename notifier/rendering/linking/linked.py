"""`Linked`: what linking has made of a template, and `SharedLinks`, what another process of this worker has made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType

from jinja2 import Environment, Template

from notifier.rendering.linking.snapshot import Snapshot
from notifier.rendering.shared_code import code_of


@dataclass(frozen=True, slots=True, eq=False)
class Linked:
    """``template`` None: it is rendered as Jinja2 renders it, and ``why``."""

    template: Template | None
    why: str
    files: tuple[Callable[[], bool], ...]

    def up_to_date(self) -> bool:
        """False where one of its files has changed."""
        return all(unchanged() for unchanged in self.files)


def linked_of(environment: Environment, code: CodeType | None, why: str, snapshot: Snapshot) -> Linked:
    """``code`` is that of the linked template; None where it is not linked."""
    files = snapshot.unchanged()
    if code is None:
        return Linked(None, why, files)
    template = environment.template_class.from_code(
        environment, code, environment.globals
    )  # nobody adds to a linked one's
    return Linked(template, why, files)


class SharedLinks:
    """Of one environment. With them goes of which texts they were made: they are no longer of use when a file has changed, or is another."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._code = code_of(environment)
        self._looked_at: dict[str, int] = {}

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """True where no other process links: all of them together do it once."""
        if self._code is None:
            yield True
            return
        with self._code.shared.turn() as ours:
            yield ours

    def tell(self, path: str, code: CodeType | None, why: str, snapshot: Snapshot) -> None:
        """The other processes need not link it."""
        if self._code is not None:
            self._code.shared.put(self._code.key("linked", path), (code, why, snapshot.digests()))

    def found(self, path: str) -> Linked | None:
        """What was told last, unless it was looked at before, or is of other texts than those that are there now."""
        if self._code is None or self._environment.loader is None:
            return None
        key = self._code.key("linked", path)
        number = self._code.shared.newest(key)
        if number is None or self._looked_at.get(path) == number:
            return None
        self._looked_at[path] = number
        found = self._code.shared.get(key)
        if found is None:
            return None
        code, why, digests = found
        snapshot = Snapshot(self._environment.loader)
        same = snapshot.has(self._environment, digests)
        return linked_of(self._environment, code, why, snapshot) if same else None
