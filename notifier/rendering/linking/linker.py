"""`Linker`: the linked template of a path, made once it is much in use, and anew when one of its files has changed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import CodeType

from jinja2 import Environment, Template, nodes

from notifier.rendering.glances import Glances
from notifier.rendering.linking.beside import at_once
from notifier.rendering.linking.joining import joined
from notifier.rendering.linking.knowledge import Scope
from notifier.rendering.linking.late_sets import check_no_late_sets
from notifier.rendering.linking.linked import Linked, SharedLinks, linked_of
from notifier.rendering.linking.modules import Modules
from notifier.rendering.linking.parsed import ParsedFiles
from notifier.rendering.linking.quick_code import quick
from notifier.rendering.linking.snapshot import Snapshot
from notifier.rendering.linking.specialising import Specialiser
from notifier.rendering.linking.trees import NotLinked, everything, stored
from notifier.rendering.linking.unread import without_unread

# Before it is worth it: linking takes as long as what it saves with many mails more, and nobody knows how many will come.
USES = 200
_AGAIN = 16  # uses until it is tried again where another process, or another template, had its turn
_MOST = 1_000  # linked templates; whoever has more has few mails of each
_MAX_NODES = 20_000  # of a linked template: code for Python's compiler


class Linker:
    """Of one environment. ``quick`` prints the same files, each by itself. ``uses``: of a template, before it is linked; ``aside``: runs
    what links it, false if it cannot now.

    Safe to share between threads: at the worst it is done twice.
    """

    def __init__(
        self,
        environment: Environment,
        glances: Glances | None = None,
        uses: int = USES,
        aside: Callable[[Callable[[], None]], bool] = at_once,
    ) -> None:
        self._environment = environment
        self.quick = quick(environment)
        self._glances = glances or Glances()
        self._uses = uses
        self._aside = aside
        self._shared = SharedLinks(environment)
        # With the process that does it: in a child that was forked meanwhile nobody does.
        self._under_way: dict[str, int] = {}
        self._used: Counter[str] = Counter()
        self._linked: dict[str, Linked] = {}

    def template(self, path: str) -> Template | None:
        """The linked template; None where it is not linked, or not yet."""
        linked = self._current(path) or self._taken_over(path)
        if linked is None and self._is_worth_it(path):
            self._begin(path)
            linked = self._current(path)
        return linked.template if linked else None

    def _current(self, path: str) -> Linked | None:
        linked = self._linked.get(path)
        return linked if linked and self._glances.at("linked", Linked.up_to_date, linked) else None

    def _taken_over(self, path: str) -> Linked | None:
        """As another process has linked it."""
        if path not in self._linked and len(self._linked) >= _MOST:
            return None
        linked = self._shared.found(path)
        if linked is not None:
            self._linked[path] = linked
        return linked

    def _is_worth_it(self, path: str) -> bool:
        if path in self._linked:
            return True
        self._used[path] += 1
        beyond = self._used[path] - self._uses
        return beyond > 0 and beyond % _AGAIN == 1 and len(self._linked) < _MOST

    def _begin(self, path: str) -> None:
        if self._under_way.get(path) == os.getpid():
            return
        self._under_way[path] = os.getpid()
        if not self._aside(partial(self._link, path)):
            self._under_way.pop(path, None)

    def _link(self, path: str) -> None:
        try:
            with self._shared.turn() as ours:
                if ours and self._taken_over(path) is None:
                    self._linked[path] = self.link(path)
        finally:
            self._under_way.pop(path, None)

    def give_up(self, path: str, why: str) -> None:
        """From now on it is rendered as Jinja2 renders it, until a file changes."""
        linked = self._linked.get(path)
        if linked is not None:
            self._linked[path] = Linked(None, why, linked.files)

    def link(self, path: str) -> Linked:
        """Whether and how it is linked. Errors of the template are not raised: rendering tells them."""
        if self._environment.loader is None:
            return Linked(None, "there are no files", ())
        snapshot = Snapshot(self._environment.loader)
        code, why = None, ""
        try:
            code = _Files(self._environment, self.quick, snapshot, path).linked()
        except NotLinked as reason:
            why = str(reason)
        except Exception as error:  # noqa: BLE001 - as above; for this process alone, for a file may have been missing for a moment
            return Linked(None, type(error).__name__, snapshot.unchanged())
        self._shared.tell(path, code, why, snapshot)
        return linked_of(self._environment, code, why, snapshot)


class _Files:
    """The files that the template of a path reaches."""

    def __init__(self, environment: Environment, quick: Environment, snapshot: Snapshot, path: str) -> None:
        self._environment = environment
        self._quick = quick
        self._now = quick.overlay(loader=snapshot)
        self._snapshot = snapshot
        self._path = path
        self._trees = ParsedFiles(environment, path)

    def linked(self) -> CodeType:
        """The code of the linked template."""
        environment, path = self._environment, self._path
        if environment.finalize is not None:
            raise NotLinked("what it prints is not what its expressions are worth")
        body = joined(path, self._parsed, self._escapes)
        check_no_late_sets(body)
        once = {name for name, times in stored(body).items() if times == 1}
        modules = Modules(self._now, self._parsed, self._escapes)
        specialiser = Specialiser(environment, modules, once)
        body = specialiser.page(body, Scope(environment, self._escapes(path)))
        body = without_unread(body, specialiser.idle_if_unread)
        if sum(1 for _ in everything(body)) > _MAX_NODES:
            raise NotLinked("it is too big")
        tree = nodes.Template(_merged(body), lineno=1)
        tree.set_environment(environment)
        return self._quick.compile(tree, path, path)

    def _escapes(self, path: str) -> bool:
        rule = self._environment.autoescape
        return rule(path) if callable(rule) else rule

    def _parsed(self, path: str) -> nodes.Template:
        # Raises what only Jinja2's compiler finds, in blocks and branches that linking drops as well.
        self._now.get_template(path)
        source, file, _ = self._snapshot.get_source(self._now, path)
        return self._trees.tree(path, source, file)


def _merged(body: list[nodes.Node]) -> list[nodes.Node]:
    """What is printed one after the other in one statement: Jinja2 joins the constants in it."""
    made: list[nodes.Node] = []
    for node in body:
        for name, value in node.iter_fields():
            if isinstance(value, list) and any(isinstance(one, nodes.Stmt) for one in value):
                setattr(node, name, _merged(value))
        if isinstance(node, nodes.With) and not node.targets and not stored(node.body):
            made.extend(node.body)
        else:
            made.append(node)
    return _one_output(made)


def _one_output(body: list[nodes.Node]) -> list[nodes.Node]:
    made: list[nodes.Node] = []
    for node in body:
        last = made[-1] if made else None
        if isinstance(node, nodes.Output) and isinstance(last, nodes.Output):
            last.nodes.extend(node.nodes)
        else:
            made.append(node)
    return made
