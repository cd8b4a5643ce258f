"""CSS inlined into the source of a template, before any mail is made from it, where that gives what inlining each mail would.

An element's styles are known from its own tag where no selector looks at another element and the tag's name, class, id and style
hold no Jinja. Then only ``style`` attributes of the source change, and each file of a layout, its pages and macros can be treated
alone. Whatever else a template does is `NotAtLoad`: its mails are inlined one by one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable

from jinja2 import nodes

from notifier.rendering.html_display import style_rules
from notifier.rendering.html_tokens import StartTag, attribute_place, placed_tokens, tokens

Inline = Callable[[str], str]

MASK = "\ue000"
JINJA = re.compile(
    r"""\{\#.*?\#\}
    | \{\{ (?:[^'"}]++|"[^"]*+"|'[^']*+'|\}(?!\}))* \}\}
    | \{%  (?:[^'"%]++|"[^"]*+"|'[^']*+'|%(?!\}))* %\}""",
    re.DOTALL | re.VERBOSE,
)
JINJA_LEFT_OVER = re.compile(r"\{[{%#]")
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_OWN_TAG = re.compile(r"[A-Za-z][\w-]*(?:[.#][\w-]+)*|(?:[.#][\w-]+)+")
# Not told from the source: a table's own parts may be left out of it, and so may `html`, `head` and `body` (`check_page`).
_ADDED_BY_PARSERS = ("tbody", "tr", "colgroup")
_PAGE = ("html", "head", "body")
_OWN_NAME = re.compile(r"[A-Za-z][\w-]*")
_ACTED_UPON = re.compile(
    r"[^()]*:(?:hover|active|focus)\b[^()]*"
)  # never true of an element at rest, and so never inlined
_NEVER_INLINED = re.compile(r"@(?:media|font-face|(?:-webkit-)?keyframes|page|-ms-viewport)\b", re.IGNORECASE)
# Its tags are in the key of the catalog.
_TRANSLATED_MARKUP = re.compile(r"\{%[-+]?\s*trans\b(?:(?!\{%[-+]?\s*endtrans).)*?<", re.DOTALL)
_AROUND = {
    "html": "", "head": "<html>", "body": "<html>", "td": "<table><tbody><tr>", "th": "<table><tbody><tr>", "tr": "<table><tbody>",
    **dict.fromkeys(("tbody", "thead", "tfoot", "caption", "colgroup"), "<table>"), "col": "<table><colgroup>",
}  # fmt: skip
_HERE = "data-notifier-here"


class NotAtLoad(Exception):
    """The template's mails are to be inlined one by one; the text says why."""


def masked(source: str, pieces: re.Pattern[str] = JINJA) -> str:
    """The source with every piece of Jinja covered, in its length."""
    if MASK in source:
        raise NotAtLoad("it has signs of a private use")
    covered = pieces.sub(lambda found: MASK * len(found[0]), source)
    if JINJA_LEFT_OVER.search(covered):
        raise NotAtLoad("its Jinja is not told from its text")
    return covered


def style_sheets(source: str) -> list[str]:
    """The contents of its ``style`` elements."""
    covered = masked(source)
    found: list[str] = []
    inside: StartTag | None = None
    for token, start, end in placed_tokens(covered):
        if inside is not None and isinstance(token, str):
            if inside.attributes.keys() - {"type"} or MASK in token:
                raise NotAtLoad("a style element depends on the mail")
            found.append(source[start:end])
        inside = token if isinstance(token, StartTag) and token.name == "style" else None
    return found


def check_sheet(sheet: str) -> None:
    """Raises `NotAtLoad` where a selector looks at more than an element's own tag."""
    strings = "".join(QUOTED.findall(sheet))
    if set(strings) & set("{}\\") or set(QUOTED.sub("", sheet)) & set("'\"\\"):
        raise NotAtLoad("its rules are not told apart by their braces")
    for selector, body in style_rules(sheet):
        if selector.startswith("@"):
            if not _NEVER_INLINED.match(selector):
                raise NotAtLoad(f"{selector} may be inlined")
        elif _element(selector) in _ADDED_BY_PARSERS:
            raise NotAtLoad(f"the selector {selector} is of an element that a parser may add")
        elif "{" in body or not (_ACTED_UPON.fullmatch(selector) or _OWN_TAG.fullmatch(selector)):
            raise NotAtLoad(f"the selector {selector} looks at more than one tag")


def check_page(sheet: str, sources: Iterable[str]) -> None:
    """Raises `NotAtLoad` where the sheet is about ``html``, ``head`` or ``body`` and the source leaves the parser to add it."""
    wanted = {_element(selector) for selector, _ in style_rules(sheet)}.intersection(_PAGE)
    there = {token.name for source in sources for token in tokens(masked(source)) if isinstance(token, StartTag)}
    if not wanted <= there:
        raise NotAtLoad(f"<{min(wanted - there)}> is not in its source")


def _element(selector: str) -> str:
    name = _OWN_NAME.match(selector)
    return name[0].lower() if name else ""


def check_values(template: nodes.Template, source: str) -> None:
    """Raises `NotAtLoad` where a mail's markup may be another than the source's; what values decide, `guarded` looks at."""
    if any(True for _ in template.find_all((nodes.FilterBlock, nodes.EvalContextModifier))):
        raise NotAtLoad("a filter works on markup")
    if any(
        slice_.find(nodes.Call) for slice_ in template.find_all(nodes.Getitem) if isinstance(slice_.arg, nodes.Slice)
    ):
        raise NotAtLoad("a part is cut out of markup")
    if any("<" in str(node.value) for node in template.find_all(nodes.Const)) or _TRANSLATED_MARKUP.search(source):
        raise NotAtLoad("there is markup in its strings")


def inlined(source: str, sheet: str, inline: Inline) -> str:
    """The source with its tags' styles. Raises `NotAtLoad`."""
    covered = masked(source)
    pieces: list[str] = []
    at = 0
    for token, start, end in placed_tokens(covered):
        if isinstance(token, str):
            if covered.startswith("<" + MASK, start):
                raise NotAtLoad("a tag's name depends on the mail")
        elif isinstance(token, StartTag):
            _check_tag(token, covered[start:end])
            style = _style(token, sheet, inline)
            if style is not None and style != token.attributes.get("style"):
                begin, stop = attribute_place(covered, start, "style") or (start + 1 + len(token.name),) * 2
                pieces += [source[at:begin], " " if begin == stop else "", f'style="{html.escape(style)}"']
                at = stop
    return "".join([*pieces, source[at:]])


def _check_tag(tag: StartTag, text: str) -> None:
    own = "".join((tag.name, *(tag.attributes.get(name, "") for name in ("class", "id", "style"))))
    if MASK in own or MASK in QUOTED.sub("", text):
        raise NotAtLoad(f"<{tag.name.split(MASK)[0]}> depends on the mail")


def _style(tag: StartTag, sheet: str, inline: Inline) -> str | None:
    own = "".join(
        f' {name}="{html.escape(tag.attributes[name])}"' for name in ("class", "id", "style") if name in tag.attributes
    )
    element, sheet = f"{_AROUND.get(tag.name, '<body>')}<{tag.name} {_HERE}{own}>", f"<style>{sheet}</style>"
    page = element + sheet if tag.name in ("html", "head") else sheet + element
    for token in tokens(inline(page)):
        if isinstance(token, StartTag) and _HERE in token.attributes:
            style = token.attributes.get("style")
            if style is not None and "{" in style:
                break
            return style
    raise NotAtLoad(f"<{tag.name}> stands nowhere by itself")
