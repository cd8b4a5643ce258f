"""The filters of templates. With Babel and a mail's locale, ``money`` and ``day`` write as people there do."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context

from notifier.errors import TemplateError
from notifier.rendering.language import fallbacks, language

if TYPE_CHECKING:
    from babel import Locale

SAFE_SCHEMES = ("https://", "http://", "mailto:")
MOST_DIGITS = 24  # before the point
PLAIN_DAY = "%d %B %Y"
_PRICE = re.compile(r"[0-9]{1,20}\.[0-9]{2}")
NAMED_DAYS = ("full", "long", "medium", "short")


@pass_context  # else Jinja2 folds constants: the language of the first mail would be that of all
def money(_: Context, amount: Any, currency: str = "") -> str:
    """``1234.5`` as ``1,234.50 EUR``, in German ``1.234,50 €``; without a currency ``1,234.50`` in every language, for
    macros that write numbers themselves. Takes text, int or float; raises `ValueError` for anything else.
    """
    locale = _locale() if currency else None
    if locale is None:
        return f"{_grouped(amount)} {currency}".rstrip()
    from babel.numbers import format_currency  # noqa: PLC0415 - an extra

    return format_currency(_number(amount), currency, locale=locale)


def _grouped(amount: Any) -> str:
    """With a comma before each three digits, and two places."""
    if type(amount) is str and _PRICE.fullmatch(amount):  # as most are written, and quicker by far than a Decimal
        whole, _, cents = amount.partition(".")
        return f"{int(whole):,}.{cents}"
    return f"{_number(amount):,.2f}"


def _number(amount: Any) -> Decimal:
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        raise ValueError("money needs a number") from None
    if not value.is_finite() or value.adjusted() > MOST_DIGITS:  # "1e999999999" would be a gigabyte of noughts
        raise ValueError("money needs a number that is one")
    return value


@pass_context
def day(_: Context, value: Any, pattern: str | None = None) -> str:
    """An ISO 8601 date or time: by ``strftime``'s pattern, or ``full``, ``long``, ``medium``, ``short`` as Babel knows
    them. Raises `ValueError`, and `TemplateError` where Babel is missing.
    """
    text = str(value)
    moment = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    locale = _locale()
    if pattern in NAMED_DAYS or (pattern is None and locale is not None):
        return _named_day(moment, pattern or "long", locale)
    return moment.strftime(pattern or PLAIN_DAY)


def _named_day(moment: date, name: str, locale: Locale | None) -> str:
    try:
        from babel.dates import format_date  # noqa: PLC0415 - an extra
    except ImportError:
        raise TemplateError(f"day({name!r}) needs: pip install notifier-worker[i18n]") from None
    return format_date(moment, name, locale=locale or "en")


def link(value: Any) -> str:
    """A URL that is safe in an ``href``. Raises `SecurityError` for ``javascript:`` and its kind."""
    url = str(value).strip()
    if not url.lower().startswith(SAFE_SCHEMES) or any(ord(char) < 33 for char in url):
        raise SecurityError("a link begins with https://, http:// or mailto: and holds no blank")
    return url


def _locale() -> Locale | None:
    """Babel's, of the mail's language; None where there is none, or no Babel."""
    tag = language().tag
    return None if tag is None else _known_locale(tag)


@lru_cache(maxsize=256)
def _known_locale(tag: str) -> Locale | None:
    try:
        from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    for one in fallbacks(tag):
        try:
            return Locale.parse(one, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return None
