"""What ``{% trans %}`` and ``_()`` call: the translations of the language that is being rendered, escaped for html.

Jinja2 takes a translation for markup. A translator is not the template's author: of his tags those pass that the source
text has, letter by letter, and entities; everything else of his is text.
"""

from __future__ import annotations

import re

from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from notifier.errors import TemplateRenderError
from notifier.rendering.language import language

_TAG = r"<[^<>]*>"
_ENTITY = r"&(?:[A-Za-z][A-Za-z0-9]*|#[0-9]+|#[xX][0-9A-Fa-f]+);"
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_PIECES = re.compile(f"({_TAG}|{_ENTITY})")


def install(environment: Environment) -> None:
    """``trans`` blocks and gettext's functions; the environment has ``jinja2.ext.i18n``."""
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        gettext, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
    )
    environment.globals["_"] = _text


@pass_context
def _text(context: Context, message: str, /, **variables: object) -> str:
    """``_()``: escaped whole, for it is called with data too, such as the name of a month. ``%`` is one where nothing is
    to be put in.
    """
    translated = language().translations.gettext(message)
    safe = escape(translated) if context.eval_ctx.autoescape else translated
    return safe % variables if variables else safe


@pass_context
def gettext(context: Context, message: str) -> str:
    """The translation of the message. Raises `TemplateRenderError` for foreign placeholders."""
    return _safe(context, language().translations.gettext(message), message)


@pass_context
def ngettext(context: Context, singular: str, plural: str, number: int) -> str:
    """That of the one or of the many. Raises `TemplateRenderError` for foreign placeholders."""
    return _safe(context, language().translations.ngettext(singular, plural, number), singular, plural)


@pass_context
def pgettext(context: Context, meaning: str, message: str) -> str:
    """That of the message where it means this. Raises `TemplateRenderError` for foreign placeholders."""
    return _safe(context, language().translations.pgettext(meaning, message), message)


@pass_context
def npgettext(context: Context, meaning: str, singular: str, plural: str, number: int) -> str:
    """Both. Raises `TemplateRenderError` for foreign placeholders."""
    translated = language().translations.npgettext(meaning, singular, plural, number)
    return _safe(context, translated, singular, plural)


def _safe(context: Context, translated: str, *sources: str) -> str:
    _check_placeholders(translated, sources)
    if not context.eval_ctx.autoescape or translated in sources:
        return translated
    return escaped_but_for_the_tags_of(sources, translated)


def _check_placeholders(translated: str, sources: tuple[str, ...]) -> None:
    """Raises `TemplateRenderError`: ``%`` would raise of a value that is not there, and name a line that is not to blame."""
    if translated in sources:
        return
    known = {name for source in sources for name in _PLACEHOLDER.findall(source)}
    rest = _PLACEHOLDER.sub("", translated.replace("%%", ""))
    if "%" in rest or not known.issuperset(_PLACEHOLDER.findall(translated)):
        raise TemplateRenderError(
            f"the translation of {sources[0][:60]!r} to {language().tag} has placeholders that the source text does not have"
        )


def escaped_but_for_the_tags_of(sources: tuple[str, ...], translated: str) -> str:
    """The translation as markup."""
    tags = {tag for source in sources for tag in re.findall(_TAG, source)}
    pieces = _PIECES.split(translated)
    return Markup("").join(
        Markup(piece) if piece in tags or re.fullmatch(_ENTITY, piece) else escape(piece)  # noqa: S704 - see above
        for piece in pieces
    )
