"""`Catalogs`: gettext's, from ``_locales/<tag>/LC_MESSAGES/messages.mo`` of the template folders.

Where there is only a ``messages.po``, Babel compiles it as it is loaded.
"""

from __future__ import annotations

from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from notifier.errors import TemplateError
from notifier.rendering.language import Language
from notifier.rendering.library import TemplateLibrary

_NONE = Language()


class Catalogs:
    """A catalog is read again when its file has changed. Safe to share between threads."""

    def __init__(self, library: TemplateLibrary) -> None:
        self._library = library
        # By files and not by tags: a call may name any tag.
        self._known: dict[tuple[Path, ...], tuple[tuple[int, ...], NullTranslations]] = {}

    def language(self, locale: str | None) -> Language:
        """With the translations of ``de-AT``, then of ``de``; the first folder's first. Raises `TemplateError`."""
        if locale is None:
            return _NONE
        files = self._library.catalogs(locale)
        return Language(locale, self._chain(files)) if files else Language(locale)

    def _chain(self, files: tuple[Path, ...]) -> NullTranslations:
        stamp = tuple(file.stat().st_mtime_ns for file in files)
        known = self._known.get(files)
        if known is None or known[0] != stamp:
            first, *rest = map(_read, files)
            for fallback in rest:
                first.add_fallback(fallback)
            known = self._known[files] = (stamp, first)
        return known[1]


def _read(file: Path) -> GNUTranslations:
    try:
        octets = file.read_bytes()
        return GNUTranslations(BytesIO(octets if file.suffix == ".mo" else _compiled(octets, file)))
    except (OSError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise TemplateError(f"the catalog {'/'.join(file.parts[-4:])} cannot be read: {error}") from None
    except Exception as error:  # noqa: BLE001 - struct.error of a torn .mo, Babel's own of a .po
        raise TemplateError(f"the catalog {'/'.join(file.parts[-4:])} is none: {error}") from None


def _compiled(octets: bytes, file: Path) -> bytes:
    try:
        from babel.messages.mofile import write_mo  # noqa: PLC0415 - an extra
        from babel.messages.pofile import read_po  # noqa: PLC0415
    except ImportError:
        raise TemplateError(
            f"{'/'.join(file.parts[-4:])} has no messages.mo beside it: compile it (pybabel compile), "
            "or pip install notifier-worker[i18n]"
        ) from None
    made = BytesIO()
    write_mo(made, read_po(BytesIO(octets), abort_invalid=True))
    return made.getvalue()
