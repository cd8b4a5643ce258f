"""`Schemas`: the contexts that templates ask for, by the ``schema`` of their ``meta.json``.

It is a JSON Schema in its place or in a file beside (``schema.json``), or ``package.module:Name`` of a dataclass or a
pydantic model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

from notifier.errors import ContextMismatch, TemplateError
from notifier.rendering.dataclass_schema import dataclass_schema
from notifier.rendering.json_schema import json_schema
from notifier.rendering.library import TemplateLibrary
from notifier.rendering.mismatch import BadSchema, Checker, Mismatch, MissingExtra
from notifier.rendering.pydantic_schema import pydantic_schema

_DOTTED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*\Z")


class Schemas:
    """A schema is read again when its file, or the ``meta.json`` that names it, has changed."""

    def __init__(self, library: TemplateLibrary) -> None:
        self._library = library
        self._known: dict[str, tuple[object, Checker]] = {}

    def check(
        self, template: str, context: Mapping[str, Any], supplied: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        """Raises `ContextMismatch`, and `TemplateError` where the schema is none. ``supplied``: what the context gets of us."""
        schema = self._library.metadata(template).schema
        if schema is None:
            return
        try:
            _check(self._checker(template, schema), context, supplied)
        except Mismatch as mismatch:
            raise ContextMismatch(f"template {template!r}: {mismatch}") from None
        except BadSchema as bad:
            if isinstance(bad, MissingExtra) and self._library.is_shipped(template):
                return  # what ships is to work with what is installed without asking
            raise TemplateError(f"template {template!r}: the schema {bad}") from None

    def _checker(self, template: str, schema: Mapping[str, Any] | str) -> Checker:
        file = self._library.beside(template, schema) if isinstance(schema, str) and schema.endswith(".json") else None
        # The object itself and not its id: what is kept here is not replaced by another at its address.
        stamp = (schema, file, file.stat().st_mtime_ns if file is not None else 0)
        known = self._known.get(template)
        if known is None or known[0] != stamp:
            known = self._known[template] = (stamp, _read(schema, file))
        return known[1]


def _check(checker: Checker, context: Mapping[str, Any], supplied: Callable[[], Mapping[str, Any]]) -> None:
    """A key that we supply may be asked for, and need not be known."""
    try:
        checker(context)
    except Mismatch as without:
        given = supplied()
        if given.keys() <= context.keys():
            raise
        try:
            checker({**given, **context})
        except Mismatch as mismatch:
            raise without if given.keys() & set(mismatch.place[:1]) else mismatch from None


def _read(schema: Mapping[str, Any] | str, file: Path | None) -> Checker:
    if isinstance(schema, Mapping):
        return json_schema(schema)
    if file is not None:
        return json_schema(_object(file))
    if _DOTTED.match(schema):
        return _of_a_class(schema)
    raise BadSchema(f"{schema!r} is neither a .json file beside meta.json, nor package.module:Name")


def _object(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadSchema(f"in {file.name} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadSchema(f"in {file.name} is no JSON object")
    return found


def _of_a_class(path: str) -> Checker:
    found = _imported(path)
    if is_dataclass(found) and isinstance(found, type):
        return dataclass_schema(found)
    if isinstance(found, type) and hasattr(found, "model_validate_json"):
        return pydantic_schema(found)
    raise BadSchema(f"{path} is neither a dataclass nor a pydantic model")


def _imported(path: str) -> object:
    module, _, name = path.partition(":")
    try:
        return reduce(getattr, name.split("."), import_module(module))
    except Exception as error:  # noqa: BLE001 - a module may do anything while it is imported
        raise BadSchema(f"{path} cannot be imported here: {type(error).__name__}: {error}") from None
