"""What mail clients do not support, as a table. The facts are those of caniemail.com, told in our words.

Looked at: Gmail (web and apps), Outlook for Windows 2007 to 2019 (which renders with Word), Apple Mail on macOS and iOS. The
page of a row is https://www.caniemail.com/features/ and its ``page``; none where it is no question of support but of safety.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from notifier.console.preview_page.checks.finding import Severity

GMAIL = "Gmail"
OUTLOOK = "Outlook for Windows"
APPLE = "Apple Mail"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """``clients`` do not support it, and ``effect`` is what their readers see."""

    page: str
    clients: tuple[str, ...]
    effect: str
    severity: Severity = Severity.WARNING


def _note(page: str, clients: tuple[str, ...], effect: str) -> Unsupported:
    return Unsupported(page, clients, effect, Severity.NOTE)


_MEDIA = Unsupported("html-video", (GMAIL, OUTLOOK), "show what stands inside of it: put an image with a link there")
_FIELD = Unsupported("html-form", (OUTLOOK,), "shows the words and sends nothing: link to a page with the form")

ELEMENTS: dict[str, Unsupported] = {
    "script": Unsupported("", (GMAIL, OUTLOOK, APPLE), "remove it; some refuse the mail", Severity.ERROR),
    "iframe": Unsupported("", (GMAIL, OUTLOOK), "remove it: link to the page", Severity.ERROR),
    "object": Unsupported("html-object", (GMAIL, OUTLOOK), "remove it: use an image"),
    "embed": Unsupported("html-object", (GMAIL, OUTLOOK), "remove it: use an image"),
    "svg": Unsupported("html-svg", (GMAIL, OUTLOOK), "show nothing: use a PNG"),
    "canvas": Unsupported("", (GMAIL, OUTLOOK), "show nothing, for no script draws it: use an image"),
    "video": _MEDIA,
    "audio": Unsupported("html-audio", (GMAIL, OUTLOOK), "show what stands inside of it: put a link there"),
    "form": _FIELD,
    "input": _FIELD,
    "select": _FIELD,
    "textarea": _FIELD,
    "button": Unsupported("html-button-submit", (OUTLOOK,), "shows words that do nothing: use a link"),
}

STYLESHEET_LINK = Unsupported("html-link", (GMAIL,), "leaves the styles out: put them into the mail")

AT_RULES: dict[str, Unsupported] = {
    "import": Unsupported("css-at-import", (GMAIL,), "leaves the styles out: put them into the mail"),
    "font-face": Unsupported(
        "css-at-font-face", (GMAIL, OUTLOOK), "use other letters, Outlook perhaps Times: name common fonts beside it"
    ),
    "keyframes": _note("css-at-keyframes", (GMAIL, OUTLOOK), "show it without motion"),
}

CUSTOM_PROPERTY = Unsupported(
    "css-variables", (GMAIL, OUTLOOK), "drop it with all that uses it: write the value itself"
)

# A property, what its value holds, and the row. The first that fits counts.
PROPERTIES: tuple[tuple[str, re.Pattern[str], Unsupported], ...] = tuple(
    (name, re.compile(pattern), row)
    for name, pattern, row in (
        ("position", r"fixed|sticky", Unsupported("css-position", (GMAIL, OUTLOOK, APPLE), "leave it in the flow")),
        ("position", r"relative|absolute", Unsupported("css-position", (GMAIL, OUTLOOK), "leave it in the flow")),
        ("display", r"flex", Unsupported("css-display-flex", (OUTLOOK,), "puts the parts below each other: use a table")),
        ("display", r"grid", Unsupported("css-display-grid", (GMAIL, OUTLOOK), "put the parts below each other: use a table")),
        ("float", r"left|right", Unsupported("css-float", (OUTLOOK,), "ignores it: use align, or a table")),
        ("background-image", r"url|gradient", Unsupported("css-background-image", (OUTLOOK,), "shows the colour alone")),
        ("background", r"url|gradient", Unsupported("css-background-image", (OUTLOOK,), "shows no image: set a background-color too")),
        ("transform", r"\w", Unsupported("css-transform", (GMAIL, OUTLOOK), "leave it as it is without")),
        ("animation", r"\w", _note("css-animation", (GMAIL, OUTLOOK), "show it without motion")),
        ("border-radius", r"[1-9]", _note("css-border-radius", (OUTLOOK,), "shows square corners")),
        ("box-shadow", r"\d", _note("css-box-shadow", (GMAIL, OUTLOOK), "show no shadow")),
        ("opacity", r"\d", _note("css-opacity", (OUTLOOK,), "shows it in full")),
    )
)  # fmt: skip

MAX_WIDTH = _note(
    "css-max-width", (OUTLOOK,), "uses the whole width: put a table with a width around it, in a comment for Outlook"
)

VALUES: tuple[tuple[str, re.Pattern[str], Unsupported], ...] = (
    ("var()", re.compile(r"\bvar\("), CUSTOM_PROPERTY),
    ("calc()", re.compile(r"\bcalc\("), Unsupported("css-unit-calc", (OUTLOOK,), "drops the declaration: write a number before it")),
    ("vw and vh", re.compile(r"\d(?:vw|vh|vmin|vmax)\b"), Unsupported("css-unit-vw", (OUTLOOK,), "drops the declaration: use px or %")),
)  # fmt: skip
