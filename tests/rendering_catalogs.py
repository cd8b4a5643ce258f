"""Templates with catalogs, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from notifier.rendering import Renderer, TemplateLibrary

HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"\n'


def po(messages: Mapping[str, str]) -> str:
    """A catalog's source with these messages, as they stand in the file."""
    return HEAD + "".join(f'\nmsgid "{source}"\nmsgstr "{text}"\n' for source, text in messages.items())


def write_catalog(root: Path, tag: str, text: str | bytes, ending: str = "po") -> Path:
    """The file of a language under a template folder."""
    file = root / "_locales" / tag / "LC_MESSAGES" / f"messages.{ending}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def make_note(root: Path, text: str, html: str | None = None) -> Renderer:
    """A renderer with one template, ``note``."""
    folder = root / "note"
    folder.mkdir(parents=True)
    (folder / "subject.txt.j2").write_text("Hi")
    (folder / "text.txt.j2").write_text(text)
    if html is not None:
        (folder / "html.html.j2").write_text(html)
    return Renderer(TemplateLibrary([root]))
