"""Files in a template's folder that nothing reads, such as an ``html.mjml`` whose ``.j2`` was forgotten."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

_MOST = 2**20  # characters of a file: a stranger may have made it


def unread_files(folder: Path, parts: Collection[str]) -> tuple[str, ...]:
    """Their paths in the folder, sorted. What one of the folder's texts names, as an include does, counts as read."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")]
    texts = [_text_of(file) for file in files if file.suffix == ".j2" or file.name == "meta.json"]
    return tuple(
        sorted(
            path.as_posix()
            for path in (file.relative_to(folder) for file in files)
            if not _has_its_place(path, parts) and not any(path.name in text for text in texts)
        )
    )


def misnamed_parts(folder: Path, parts: Collection[str]) -> tuple[str, ...]:
    """Those of them that somebody meant to be a part which is not there: ``html.mjml``, ``locales/de/text.j2``."""
    return tuple(path for path in unread_files(folder, parts) if _stands_for_a_part(folder / path, folder, parts))


def _stands_for_a_part(file: Path, folder: Path, parts: Collection[str]) -> bool:
    place = file.parent
    if place != folder and place.parent != folder / "locales":
        return False
    meant = {part for part in parts if _kind(part) == _kind(file.name)}
    return bool(meant) and not any((place / part).is_file() for part in meant)


def _kind(name: str) -> str:
    """The html may be made from a body."""
    stem = name.partition(".")[0]
    return "html" if stem == "body" else stem


def _has_its_place(path: Path, parts: Collection[str]) -> bool:
    match path.parts:
        case ("meta.json",) | ("images", *_):
            return True
        case (name,) | ("locales", _, name):
            return name in parts
    return False


def _text_of(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as text:
        return text.read(_MOST)
