"""`ParsedFiles`: the trees of the files that a template reaches, each read once.

Layouts and macros are parsed once for all templates of all children. Their trees are kept as octets, which are a new tree sooner than a
copy is made, and lie where they take no child's own memory.
"""

from __future__ import annotations

import pickle
from typing import cast

from jinja2 import Environment, nodes

from notifier.rendering.linking.trees import everything
from notifier.rendering.linking.unfit import check_fit
from notifier.rendering.shared_code import code_of, digest_of


class ParsedFiles:
    """For the template ``page``, whose own tree no other asks for."""

    def __init__(self, environment: Environment, page: str) -> None:
        self._environment = environment
        self._page = page
        self._code = code_of(environment)
        self._octets: dict[str, bytes] = {}

    def tree(self, path: str, source: str, file: str | None) -> nodes.Template:
        """A new one of the file. Raises `NotLinked`."""
        if path not in self._octets:
            self._octets[path] = self._shared(path, source, file)
        tree = cast("nodes.Template", pickle.loads(self._octets[path]))  # noqa: S301 - what this worker has put away itself, as code is
        _set_environment(tree, self._environment)
        return tree

    def _shared(self, path: str, source: str, file: str | None) -> bytes:
        if self._code is None or path == self._page:
            return self._parsed(path, source, file)
        key = self._code.key("tree", path, digest_of(source))
        found = self._code.shared.get(key)
        if not isinstance(found, bytes):
            found = self._parsed(path, source, file)
            self._code.shared.put(key, found)
        return found

    def _parsed(self, path: str, source: str, file: str | None) -> bytes:
        tree = self._environment.parse(source, path, file)
        check_fit(tree)
        _set_environment(tree, None)
        return pickle.dumps(tree, pickle.HIGHEST_PROTOCOL)


def _set_environment(tree: nodes.Template, environment: Environment | None) -> None:
    for node in everything([tree]):
        node.environment = environment
