"""Bodies in Markdown to html, by markdown-it: CommonMark with tables, without html.

What comes from the context is never Markdown, as it is never html: it goes through the Markdown in a stand-in of plain letters, and its
own place in the finished tokens takes it up.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import Environment
from jinja2.exceptions import SecurityError
from jinja2.runtime import Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from notifier.errors import TemplateError
from notifier.rendering import translated_markdown

if TYPE_CHECKING:
    from markdown_it.token import Token

ENDING = ".md.j2"
LAYOUT = "_layouts/markdown.html.j2"
_SALT = secrets.token_hex(8)
_STAND_IN = re.compile(rf"v{_SALT}x([0-9a-f]*)x")  # small letters: hosts are written in them
_IMAGE_SCHEMES = ("https://", "http://", "cid:")


class _Source(str):
    """Markdown that the template wrote, of a macro: its values stand in already."""

    __slots__ = ()


class _MarkdownEnvironment(ImmutableSandboxedEnvironment):
    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What a macro returns is the template's own; whatever is then made of it is a value again."""
        result = super().call(*args, **kwargs)
        return _Source(result) if len(args) > 1 and isinstance(args[1], Macro) else result


def markdown_environment(environment: Environment) -> Environment:
    """The environment in which templates write Markdown."""
    overlay = environment.overlay(autoescape=False, finalize=_stand_in)
    overlay.__class__ = _MarkdownEnvironment  # an overlay is of its origin's class
    overlay.filters = {
        **environment.filters,
        **dict.fromkeys(("e", "escape", "forceescape"), str),
        "safe": _refused,
        "tojson": _refused,
    }
    overlay.bytecode_cache = None  # stand-ins of constants are in the code, and they are this process's own
    overlay.globals = {**environment.globals, **translated_markdown.functions(_stand_in, _Source)}
    return overlay


def _stand_in(value: Any) -> Any:
    if isinstance(value, _Source):
        return value
    if isinstance(value, Undefined):
        str(value)  # raises, and names it
    text = _filled(str(value))  # of a macro's result, or a block's: what stood in there is told with it
    return f"v{_SALT}x{text.encode('utf-8', 'surrogatepass').hex()}x"


def _refused(value: Any) -> NoReturn:
    del value
    raise SecurityError("in Markdown no value becomes markup: there is neither safe nor tojson")


class Markdown:
    """``link`` is the rule of URLs."""

    def __init__(self, link: Callable[[Any], str]) -> None:
        self._link = link

    def to_html(self, source: str) -> Markup:
        """Html. Raises `SecurityError` for a link that is none, and `TemplateError` where markdown-it-py is not installed."""
        parse, render = self._parser
        tokens = parse(source)
        for token in _all(tokens):
            self._fill(token)
        html = render(tokens)
        if _SALT in html.lower():  # in capitals, or cut off: hexadecimal digits in the place of a name
            raise SecurityError(
                "in Markdown no filter changes what a macro or a block has written; filter the values in it instead"
            )
        return Markup(html)  # noqa: S704 - markdown-it escapes texts and attributes, and takes no html

    def _fill(self, token: Token) -> None:
        """Values in their places, before the renderer escapes them."""
        token.content, token.info = _filled(token.content), _filled(token.info)
        for name, value in token.attrs.items():
            if isinstance(value, str):
                token.attrs[name] = _filled(value)
        if token.type == "link_open":
            token.attrs["href"] = self._link(token.attrs["href"])
        if token.type == "image" and not str(token.attrs["src"]).lower().startswith(_IMAGE_SCHEMES):
            raise SecurityError(f"an image begins with {', '.join(_IMAGE_SCHEMES)}")

    @cached_property
    def _parser(self) -> tuple[Callable[[str], list[Token]], Callable[[list[Token]], str]]:
        try:
            from markdown_it import MarkdownIt  # noqa: PLC0415 - an extra
        except ImportError:
            raise TemplateError(
                "a body in Markdown needs markdown-it-py: pip install notifier-worker[markdown]"
            ) from None
        parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
        parser.validateLink = _every_link  # type: ignore[method-assign]
        return parser.parse, partial(_render, parser)


def _every_link(url: str) -> bool:
    """The rule of `link` is narrower, and says what was wrong."""
    del url
    return True


def _render(parser: Any, tokens: list[Token]) -> str:
    return str(parser.renderer.render(tokens, parser.options, {}))


def _all(tokens: Iterable[Token]) -> Iterator[Token]:
    todo = list(tokens)
    while todo:
        token = todo.pop()
        yield token
        todo.extend(token.children or ())


def _filled(text: str) -> str:
    return _STAND_IN.sub(lambda found: bytes.fromhex(found[1]).decode("utf-8", "surrogatepass"), text)
