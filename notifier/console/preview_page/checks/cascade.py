"""What style an element has: inline styles, attributes of old, and the rules whose selector is one plain word.

A rule that cannot be judged (``td .name > a``) makes what it sets unknown for all that its last word fits, and nothing is
said of what is unknown.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from notifier.console.preview_page.checks.document import Document, Element
from notifier.console.preview_page.checks.style import Rule

UNKNOWN = "?"
_OUTLOOKS = "[data-og"  # Outlook.com puts data-ogsc and data-ogsb on what it makes dark; nothing has them before
_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark")
_LIGHT = re.compile(r"prefers-color-scheme\s*:\s*light")
_PLAIN = re.compile(r"(?P<name>\*|[a-zA-Z][\w-]*)?(?P<kind>[.#])?(?(kind)(?P<word>[\w-]+))\Z")
_LAST = re.compile(r"[\s>+~]([^\s>+~]*)\Z")
_WORD = re.compile(r"[.#]?[\w*-]+")
_OF_OLD = {"bgcolor": "background-color", "color": "color"}
_INHERITED = frozenset({"color", "font-size", "font-weight"})
# What an element looks like by itself, where that matters here.
_BORN = {
    "a": {"color": UNKNOWN}, "strong": {"font-weight": "700"}, "b": {"font-weight": "700"}, "th": {"font-weight": "700"},
    "h1": {"font-size": "32px", "font-weight": "700"}, "h2": {"font-size": "24px", "font-weight": "700"},
    "h3": {"font-size": "18.7px", "font-weight": "700"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Setting:
    weight: tuple[bool, int, int]  # important, specificity, order
    value: str


class Cascade:
    """The styles of a document's elements, in light or in dark mode, at a wide window."""

    def __init__(self, document: Document, *, dark: bool = False) -> None:
        self._rules: dict[str, list[tuple[int, Rule, bool]]] = defaultdict(list)
        for order, rule in enumerate(document.rules):
            if _applies(rule.media, dark) and _OUTLOOKS not in rule.selector:
                self._file(order, rule)
        self._styles: dict[int, dict[str, str]] = {}
        for element in document.elements:
            self._styles[id(element)] = self._style(element)

    def style(self, element: Element) -> dict[str, str]:
        """``color``, ``font-size`` (px), ``font-weight`` and ``background-color``: of itself, or of what it stands in."""
        return self._styles[id(element)]

    def _file(self, order: int, rule: Rule) -> None:
        plain = _PLAIN.match(rule.selector)
        if plain is not None and rule.selector:
            key = f"{plain['kind']}{plain['word']}" if plain["kind"] else plain["name"].lower()
            self._rules[key].append((order, rule, True))
            return
        last = _LAST.search(rule.selector)
        words = _WORD.findall((last[1] if last else rule.selector).split(":")[0])
        for key in words[-1:]:
            self._rules[key if key[0] in ".#" else key.lower()].append((order, rule, False))

    def _style(self, element: Element) -> dict[str, str]:
        parent = self._styles.get(id(element.parent), {}) if element.parent is not None else {}
        found: dict[str, _Setting] = {}
        for name, value in _BORN.get(element.name, {}).items():
            _set(found, name, value, -1, 0)
        for attribute, name in _OF_OLD.items():
            if attribute in element.attributes:
                _set(found, name, element.attributes[attribute], 0, 0)
        for key in _keys(element):
            for order, rule, plain in self._rules.get(key, ()):
                self._apply(found, element, rule, order, plain)
        for name, value in element.style.items():
            _set(found, name, value, 10**6, 0)
        own = {name: setting.value for name, setting in found.items()}
        return {**parent, **_relative_to(parent, own)}

    @staticmethod
    def _apply(found: dict[str, _Setting], element: Element, rule: Rule, order: int, plain: bool) -> None:
        fits = _PLAIN.match(rule.selector) if plain else None
        if fits is not None and fits["name"] not in (None, "*", element.name):
            return
        specificity = {None: 1, ".": 10, "#": 100}[fits["kind"]] if fits is not None else 1000
        for name, value in rule.declarations.items():
            important = " !important" if "!important" in value else ""
            _set(found, name, value if plain else UNKNOWN + important, specificity, order)


def _applies(media: str, dark: bool) -> bool:
    """Widths and print are not looked at: a rule with them is left out."""
    if not media or media in {"all", "screen"}:
        return True
    rest = media.replace("screen and", "").strip(" ()")
    return bool((_DARK if dark else _LIGHT).fullmatch(rest))


def _keys(element: Element) -> Iterable[str]:
    yield "*"
    yield element.name
    yield from (f".{name}" for name in element.classes)
    if "id" in element.attributes:
        yield f"#{element.attributes['id']}"


def _set(found: dict[str, _Setting], name: str, value: str, specificity: int, order: int) -> None:
    important = "!important" in value
    value = value.replace("!important", "").strip()
    if name == "background":
        name = "background-color"
        value = UNKNOWN if "url" in value or "gradient" in value or " " in value else value
    if name not in _INHERITED and name != "background-color":
        return
    setting = _Setting((important, specificity, order), value)
    if name not in found or found[name].weight <= setting.weight:
        found[name] = setting


def _relative_to(parent: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """What ``inherit`` and a relative size come to; a background that is see-through is that of what is behind."""
    for name in list(own):
        if own[name] in {"inherit", "transparent", "none", "unset", "initial"}:
            own[name] = parent.get(name, "")
    if "font-size" in own:
        own["font-size"] = _pixels(own["font-size"], parent.get("font-size", "16"))
    return own


def _pixels(size: str, around: str) -> str:
    """In pixels without the unit; `UNKNOWN` where that cannot be told."""
    found = re.match(r"(\d*\.?\d+)(px|pt|em|rem|%)?\Z", size)
    if found is None or UNKNOWN in (size, around):
        return UNKNOWN
    number = float(found[1])
    scale = {"px": 1.0, None: 1.0, "pt": 4 / 3, "rem": 16.0, "em": float(around or 16), "%": float(around or 16) / 100}
    return f"{number * scale[found[2]]:.4f}"
