"""`TemplateLibrary`: the notifications on disk. A name is one of those found there, never a path.

A notification is a folder with ``subject.txt.j2`` and ``text.txt.j2`` or an html or both (a text that is not there is made from the
html). The html is ``html.html.j2``, ``html.mjml.j2`` or made from ``body.md.j2``, the first that is there; ``images/`` beside
them, ``locales/<tag>/`` with files that take their place in a language, ``meta.json`` with what is to be known of it
(`Metadata`). Folders whose name begins with ``_`` hold layouts and macros, ``_locales/`` gettext's catalogs.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from notifier.errors import TemplateError, TemplateNotFound
from notifier.model.nearest import nearest
from notifier.rendering.disk import Look, changed, is_inside, look
from notifier.rendering.glances import Glances
from notifier.rendering.language import fallbacks
from notifier.rendering.metadata import Metadata, read_metadata
from notifier.rendering.unread_files import misnamed_parts, unread_files

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,6}\Z")  # a longer one could be no folder's name
PARTS = ("subject.txt.j2", "text.txt.j2", "html.html.j2", "html.mjml.j2", "body.md.j2")
REQUIRED = PARTS[:1]
_INCLUDABLE = (".j2", ".html", ".txt", ".md", ".mjml", ".css")
HTML_PARTS = PARTS[2:]


def shipped_templates() -> Path:
    """The folder of the templates that come with Notifier: in the package, or in the source tree beside it."""
    packaged = Path(str(files("notifier.rendering"))) / "shipped"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "templates"


class TemplateLibrary:
    """``folders`` are searched in order, then the shipped templates, then the ``untrusted`` folders.

    What is in an untrusted folder takes no trusted template's place, and is in no trusted template's reach. ``look_every``: seconds
    in which the disk is not looked at again for what was just found there.
    """

    def __init__(
        self, folders: Sequence[Path] = (), untrusted: Sequence[Path] = (), *, look_every: float = 0.0
    ) -> None:
        self.glances = Glances(look_every)
        self._trusted = tuple(folder.resolve() for folder in (*folders, shipped_templates()))
        self._untrusted = tuple(folder.resolve() for folder in untrusted)
        self._roots = (*self._trusted, *self._untrusted)
        self._metadata: dict[str, tuple[object, Metadata]] = {}

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

    def require(self, name: str) -> None:
        """Raises `TemplateNotFound`, with the names that are there."""
        if self._folder(name) is None:
            names = self.names()
            near = nearest(name, names)
            hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(names)}"
            raise TemplateNotFound(f"no template {str(name)[:80]!r}; {hint}")

    def part(self, name: str, part: str, locale: str | None) -> str | None:
        """What the loader calls the part in that language, or in the default one; None where there is none."""
        return self.glances.at("part", self._part, name, part, locale)

    def _part(self, name: str, part: str, locale: str | None) -> str | None:
        folder = self._folder(name)
        if folder is None:
            return None
        for tag in _fallbacks(locale):
            inside = f"locales/{tag}/{part}" if tag else part
            if changed(f"{folder}/{inside}", self._glance) is not None:
                return f"{name}/{inside}"
        return None

    def files(self, name: str) -> tuple[str, ...]:
        """What the loader calls the template's files, in every language."""
        folder = self._folder(name)
        if folder is None:
            return ()
        return tuple(sorted(f"{name}/{file.relative_to(folder).as_posix()}" for file in folder.rglob("*.j2")))

    def unread(self, name: str) -> tuple[str, ...]:
        """What the loader calls the files in the template's folder that nothing reads."""
        folder = self._folder(name)
        return () if folder is None else tuple(f"{name}/{path}" for path in unread_files(folder, PARTS))

    def check_part_names(self, name: str) -> None:
        """Raises `TemplateError` for a file that stands for a part and has another ending."""
        self.glances.at("part names", self._check_part_names, name)

    def _check_part_names(self, name: str) -> None:
        folder = self._folder(name)
        for path in misnamed_parts(folder, PARTS) if folder is not None else ():
            raise TemplateError(f"nothing reads {name}/{path}: the parts of a template are called {', '.join(PARTS)}")

    def locales(self, name: str) -> tuple[str, ...]:
        """The languages that it has files in, and those of the catalogs; sorted."""
        folder = self._folder(name)
        own = (folder / "locales").glob("*/") if folder is not None else ()
        catalogs = (entry for root in self.folders_of(name) for entry in (root / "_locales").glob("*/"))
        tags = {entry.name.replace("_", "-") for entry in (*own, *catalogs)}
        return tuple(sorted(tag for tag in tags if _LOCALE.match(tag)))

    def catalogs(self, locale: str) -> tuple[Path, ...]:
        """The catalogs of gettext for the language, ``de_AT`` before ``de``, and within it the first folder's first."""
        return self.glances.at("catalogs", self._catalogs, locale)

    def _catalogs(self, locale: str) -> tuple[Path, ...]:
        tags = (tag for tag in _fallbacks(locale) if tag)
        found = (_catalog(root, tag) for tag in tags for root in self._trusted)
        return tuple(file for file in found if file is not None)

    def is_untrusted(self, name: str) -> bool:
        """True where only a child with limits may render it. Raises `TemplateError`."""
        folder = self._folder(name)
        return folder is not None and (self._is_strangers(folder) or self._metadata_in(folder, name).untrusted)

    def is_shipped(self, name: str) -> bool:
        """True where it is one of those that come with Notifier."""
        folder = self._folder(name)
        return folder is not None and folder.parent == self._trusted[-1]

    def folders_of(self, name: str) -> tuple[Path, ...]:
        """The template folders that a template sees: an untrusted one its own first, and of the others none."""
        folder = self._folder(name)
        return (folder.parent, *self._trusted) if folder is not None and self._is_strangers(folder) else self._trusted

    def load(self, path: str) -> tuple[str, Path] | None:
        """The text of a template file by the loader's name; None where it is none of ours, or no template's: samples in
        ``meta.json`` are nobody's to include.
        """
        found = self.place(path)
        file = None if found is None else Path(found[0])
        return None if file is None else (file.read_text(encoding="utf-8"), file)

    def glanced_place(self, path: str) -> tuple[str, int] | None:
        """As `place`, by what was seen a moment ago."""
        return self.glances.at("place", self.place, path, self._glance)

    def place(self, path: str, look: Look = look) -> tuple[str, int] | None:
        """Where the file is that `load` reads, in the first folder that has it, and when it was changed."""
        if not path.endswith(_INCLUDABLE) or ".." in path.split("/"):
            return None
        for root in map(str, self._trusted):
            file = os.path.join(root, path)  # noqa: PTH118 - see `notifier.rendering.disk`
            if (when := changed(file, look)) is not None and is_inside(root, file, look):
                return file, when
        return None

    def _glance(self, path: str) -> os.stat_result | None:
        return self.glances.at("look", look, path)

    def image(self, name: str, filename: str) -> bytes:
        """An image of a notification, or of ``_images``. Raises `TemplateError`."""
        return self.glances.at("image", self._image, name, filename)

    def _image(self, name: str, filename: str) -> bytes:
        for folder in (f"{name}/images", "_images") if filename == Path(filename).name else ():
            for root in map(str, self.folders_of(name)):
                file = f"{root}/{folder}/{filename}"
                if changed(file, self._glance) is not None and is_inside(root, file, self._glance):
                    return self.glances.at("octets", _octets, file)
        raise TemplateError(f"template {name!r} has no image {filename!r} in its folder images/")

    def beside(self, name: str, filename: str) -> Path | None:
        """A file beside ``meta.json``; None where there is none of that name."""
        folder = self._folder(name)
        if folder is None or filename != Path(filename).name:
            return None
        file = folder / filename
        return file if file.is_file() and is_inside(str(folder), str(file)) else None

    def metadata(self, name: str) -> Metadata:
        """What ``meta.json`` says, read again when it has changed. Raises `TemplateError`."""
        folder = self._folder(name)
        return Metadata() if folder is None else self._metadata_in(folder, name)

    def _metadata_in(self, folder: Path, name: str) -> Metadata:
        return self.glances.at("metadata", self._metadata_now, folder, name)

    def _metadata_now(self, folder: Path, name: str) -> Metadata:
        file = f"{folder}/meta.json"
        stamp = (file, changed(file, self._glance))
        known = self._metadata.get(name)
        if known is None or known[0] != stamp:
            known = self._metadata[name] = (stamp, self._read_metadata(Path(file), name))
        return known[1]

    def _read_metadata(self, file: Path, name: str) -> Metadata:
        metadata = read_metadata(file, name)
        if self._is_strangers(file.parent) and (brought := metadata.beyond_a_stranger()):
            raise TemplateError(
                f"template {name!r}: meta.json has a {brought}, which an untrusted folder may not bring"
            )
        return metadata

    def _is_strangers(self, folder: Path) -> bool:
        # Asked for every mail; mostly there are none.
        return bool(self._untrusted) and folder.parent in self._untrusted and folder.parent not in self._trusted

    def inlines_css(self, name: str) -> bool:
        """``inline_css`` of ``meta.json``. Raises `TemplateError`."""
        return self.metadata(name).inline_css

    def _folder(self, name: str) -> Path | None:
        if not isinstance(name, str) or not _NAME.match(name):
            return None
        return self.glances.at("folder", self._folder_now, name)

    def _folder_now(self, name: str) -> Path | None:
        for root in self._roots:
            folder = f"{root}/{name}"
            there = changed(f"{folder}/{REQUIRED[0]}", self._glance) is not None
            if there and is_inside(str(root), folder, self._glance):
                return Path(folder)
        return None


def _stamp_of(file: Path) -> str:
    try:
        seen = file.stat()
    except OSError:  # it went while we looked
        return ""
    return f"{seen.st_mtime_ns} {seen.st_size}"


def _octets(file: str) -> bytes:
    return Path(file).read_bytes()


def _catalog(root: Path, tag: str) -> Path | None:
    """The compiled one where there is one. gettext writes ``de_AT``, mail ``de-AT``."""
    for name in dict.fromkeys((tag.replace("-", "_"), tag)):
        for ending in (".mo", ".po"):
            file = root / "_locales" / name / "LC_MESSAGES" / f"messages{ending}"
            if file.is_file() and file.resolve().is_relative_to(root):
                return file
    return None


def _fallbacks(locale: str | None) -> list[str]:
    """``de-AT``, then ``de``, then the default."""
    return [*fallbacks(locale), ""] if locale is not None and _LOCALE.match(locale) else [""]
