"""The pages that people see: plain HTML, no script, no picture, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from notifier.unsubscribe.words import Language, Words

STYLE = (
    "body{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;margin:3em auto;padding:0 1em}"
    "button{font:inherit;padding:.6em 1.2em}"
)
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# The page says yes to one form and to its own style. Its address holds the token, which goes nowhere else.
HEADERS: tuple[tuple[str, str], ...] = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Vary", "Accept-Language"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex"),
)
_BUTTON = (
    '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
    '<button type="submit">{}</button></form>'
)


def question(address: str, language: Language) -> bytes:
    """Asks, and does nothing: scanners follow links."""
    return _page(language, language.question, _masked(address), _BUTTON.format(escape(language.button)))


def done(address: str, language: Language) -> bytes:
    """What has become of it."""
    return _page(language, language.done, _masked(address))


def sorry(words: Words, language: Language) -> bytes:
    """Why nothing has become of it."""
    return _page(language, words)


def _masked(address: str) -> str:
    """Enough for whoever has several addresses; no address for whoever found the link."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _page(language: Language, words: Words, address: str = "", form: str = "") -> bytes:
    title, sentence = words.title, words.sentence.format(address)
    return (
        f'<!doctype html>\n<html lang="{language.name}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(sentence)}</p>{form}</main></body></html>\n"
    ).encode()
