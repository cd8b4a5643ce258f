"""`TemplateLibrary`: the notifications on disk. A name is one of those found there, never a path.

A notification is a folder with ``subject.txt.j2``, ``text.txt.j2`` and, where it has one, ``html.html.j2``;
``images/`` beside them, ``locales/<tag>/`` with files that take their place in a language, ``meta.json`` with sample
contexts and the keys that are ``sensitive``. Folders whose name begins with ``_`` hold layouts and macros.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from notifier.errors import TemplateError, TemplateNotFound

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*\Z")
PARTS = ("subject.txt.j2", "text.txt.j2", "html.html.j2")
REQUIRED = PARTS[:2]


def shipped_templates() -> Path:
    """The folder of the templates that come with Notifier: in the package, or in the source tree beside it."""
    packaged = Path(str(files("notifier.rendering"))) / "shipped"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "templates"


class TemplateLibrary:
    """``folders`` are searched in order, then the shipped templates."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._roots = tuple(folder.resolve() for folder in (*folders, shipped_templates()))
        self._sensitive: dict[str, tuple[object, frozenset[str]]] = {}

    def names(self) -> tuple[str, ...]:
        """Every notification, sorted."""
        found = {
            entry.name
            for root in self._roots
            for entry in root.iterdir()
            if _NAME.match(entry.name) and (entry / REQUIRED[0]).is_file()
        }
        return tuple(sorted(found))

    def stamp(self) -> str:
        """Another text whenever a file in one of the folders has changed, came or went."""
        digest = hashlib.sha256()
        for root in self._roots:
            for folder, folders, names in os.walk(root):
                folders.sort()
                for file in (Path(folder, name) for name in sorted(names)):
                    digest.update(f"{file}\0{_stamp_of(file)}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:16]

    def locales(self, name: str) -> tuple[str, ...]:
        """The languages that it has files in, sorted."""
        folder = self._folder(name)
        own = (folder / "locales").glob("*/") if folder is not None else ()
        return tuple(sorted(entry.name for entry in own if _LOCALE.match(entry.name)))

    def require(self, name: str) -> None:
        """Raises `TemplateNotFound`, with the names that are there."""
        if self._folder(name) is None:
            names = self.names()
            near = difflib.get_close_matches(str(name), names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
            raise TemplateNotFound(f"no template {str(name)[:80]!r}; {hint}")

    def part(self, name: str, part: str, locale: str | None) -> str | None:
        """What the loader calls the part in that language, or in the default one; None where there is none."""
        folder = self._folder(name)
        if folder is None:
            return None
        for tag in _fallbacks(locale):
            inside = f"locales/{tag}/{part}" if tag else part
            if (folder / inside).is_file():
                return f"{name}/{inside}"
        return None

    def load(self, path: str) -> tuple[str, Path] | None:
        """The text of a template file by the loader's name; None where it is none of ours."""
        for root in self._roots:
            file = root / path
            if ".." not in Path(path).parts and file.is_file() and self._inside(root, file):
                return file.read_text(encoding="utf-8"), file
        return None

    def image(self, name: str, filename: str) -> bytes:
        """An image of a notification, or of ``_images``. Raises `TemplateError`."""
        for folder in (f"{name}/images", "_images"):
            for root in self._roots:
                file = root / folder / filename
                if filename == Path(filename).name and file.is_file() and self._inside(root, file):
                    return file.read_bytes()
        raise TemplateError(f"template {name!r} has no image {filename!r} in its folder images/")

    def meta(self, name: str) -> dict[str, Any]:
        """``meta.json``, empty where there is none. Raises `TemplateError` where it is no JSON object."""
        folder = self._folder(name)
        if folder is None or not (folder / "meta.json").is_file():
            return {}
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        except ValueError as error:
            raise TemplateError(f"template {name!r}: meta.json is no JSON: {error}") from error
        if not isinstance(meta, dict):
            raise TemplateError(f"template {name!r}: meta.json is a JSON object")
        return meta

    def sensitive(self, name: str) -> frozenset[str]:
        """``sensitive`` of ``meta.json``: keys of the context whose values are shown nowhere. Raises `TemplateError`."""
        folder = self._folder(name)
        stamp = (folder, _changed(folder / "meta.json") if folder is not None else 0)
        known = self._sensitive.get(name)
        if known is None or known[0] != stamp:
            known = self._sensitive[name] = (stamp, _names(self.meta(name).get("sensitive", []), name))
        return known[1]

    def _folder(self, name: str) -> Path | None:
        if not isinstance(name, str) or not _NAME.match(name):
            return None
        for root in self._roots:
            folder = root / name
            if (folder / REQUIRED[0]).is_file() and self._inside(root, folder):
                return folder
        return None

    @staticmethod
    def _inside(root: Path, path: Path) -> bool:
        """A link that leads out of the folder is not followed."""
        return path.resolve().is_relative_to(root)


def _stamp_of(file: Path) -> str:
    try:
        seen = file.stat()
    except OSError:  # it went while we looked
        return ""
    return f"{seen.st_mtime_ns} {seen.st_size}"


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _names(given: object, template: str) -> frozenset[str]:
    if not isinstance(given, list) or not all(isinstance(key, str) for key in given):
        raise TemplateError(f"template {template!r}: sensitive in meta.json is a list of the context's keys")
    return frozenset(given)


def _fallbacks(locale: str | None) -> list[str]:
    """``de-AT``, then ``de``, then the default."""
    if locale is None or not _LOCALE.match(locale):
        return [""]
    parts = locale.replace("_", "-").split("-")
    return ["-".join(parts[:length]) for length in range(len(parts), 0, -1)] + [""]
